"""Mapping by configuration: each field of a record is told where its value comes from.

`field_settings(Order, Column)` makes the settings model of such a mapping: one entry per field of
the record, in a short form (where the value is) or a long one (where, and how to read it). The type
of the record's field decides how a value is read, so the configuration never names types.
`FieldMap` and `RecordMap` are the mapping compiled once, to be used on every payload.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import fields as struct_fields
from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, create_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from crmsync.sdk.convert import (
    DecimalSign,
    Unit,
    amount_reader,
    number_reader,
    shown,
    time_reader,
    to_birthday,
    to_boolean,
    to_integer,
    to_text,
)
from crmsync.sdk.errors import RecordError
from crmsync.sdk.records import Birthday, Consent, Minor, OrderLine, Record, Time
from crmsync.sdk.settings import Settings

R = TypeVar("R", bound=Record)
Scalar = str | int | float | bool
Reader = Callable[[Any], Any]


def _word(key: Any) -> Any:
    """YAML reads `1:` and `true:` as a number and a truth; in a table of words they are words."""
    return str(key).lower() if isinstance(key, bool) else str(key) if isinstance(key, int | float) else key


def _time_format(format: str) -> str:
    if format not in ("iso", "epoch", "epoch_ms") and "%" not in format:
        raise ValueError("a time format is iso, epoch, epoch_ms or a pattern such as %d.%m.%Y %H:%M")
    return format


Word = Annotated[str, BeforeValidator(_word)]
TimeFormat = Annotated[str, AfterValidator(_time_format)]


class Source(Settings):
    """Where a value comes from. A connector's subclass adds the ways it knows and names the `short` one."""

    short: ClassVar[str]

    constant: Scalar | None = Field(None, description="The value itself, the same for every record.")
    default: Scalar | None = Field(None, description="The value where the platform gives none.")

    def place(self) -> str:
        """Where the value is looked for, as an error message says it; empty when nowhere."""
        raise NotImplementedError

    def model_post_init(self, context: Any) -> None:
        if not self.place() and self.constant is None:
            raise ValueError(f"say where the value comes from: {self.short}, or constant")

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class ValueField(Settings):
    """How any value is read."""

    values: dict[Word, Scalar | None] = Field(
        {}, description="A table from the platform's value to the one to read instead; null for none."
    )


class TimeField(ValueField):
    """How a time is read."""

    format: TimeFormat | None = Field(None, description="iso, epoch, epoch_ms or a strptime pattern.")
    zone: ZoneInfo | None = Field(None, description="The zone of times without an offset.")


class AmountField(ValueField):
    """How an amount of money is read."""

    unit: Unit | None = Field(None, description="major (12.50) or minor (1250).")
    decimal: DecimalSign | None = Field(None, description="The decimal sign: point or comma.")


class NumberField(ValueField):
    """How a score is read."""

    decimal: DecimalSign | None = Field(None, description="The decimal sign: point or comma.")
    scale: tuple[float, float] | None = Field(
        None, description="The platform's lowest and highest score, to be spread over 1 to 5."
    )


class Times(Settings):
    """How times are written where a field does not say otherwise."""

    zone: ZoneInfo | None = Field(None, description="The zone of times without an offset: Asia/Shanghai.")
    format: TimeFormat = Field("iso", description="iso, epoch, epoch_ms or a strptime pattern.")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a connection says once for all its fields."""

    currency: str | None = None
    times: Times = field(default_factory=Times)
    decimal: DecimalSign = "point"
    unit: Unit = "major"


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one field of a record is read, told from its annotation."""

    model: type[ValueField]
    choices: tuple[str, ...] = ()
    convert: Reader = to_text


def _kind(hint: Any) -> _Kind | None:
    """None for what one value cannot fill: lists of lines or consents."""
    options = [a for a in get_args(hint) if a is not type(None)] if type(None) in get_args(hint) else [hint]
    inner = options[0]
    if inner == Time:
        return _Kind(TimeField)
    if inner == Minor:
        return _Kind(AmountField)
    if inner == Birthday:
        return _Kind(ValueField, convert=to_birthday)
    base = get_args(inner)[0] if get_origin(inner) is Annotated else inner
    if get_origin(base) is Literal:
        return _Kind(ValueField, choices=get_args(base))
    known = {
        bool: _Kind(ValueField, convert=to_boolean),
        int: _Kind(ValueField, convert=to_integer),
        float: _Kind(NumberField),
        str: _Kind(ValueField),
    }
    return known.get(base)


def kinds(record: type[Struct]) -> dict[str, _Kind]:
    """The fields of a record that one value can fill."""
    hints = get_type_hints(record, include_extras=True)
    found = {name: _kind(hints[name]) for name in record.__struct_fields__}
    return {name: kind for name, kind in found.items() if kind is not None}


def _required(record: type[Struct]) -> set[str]:
    return {field.name for field in struct_fields(record) if field.required}


def field_settings(
    record: type[Struct], source: type[Source], *, optional: Collection[str] = ("external_id", "currency")
) -> type[Settings]:
    """The settings model of a mapping to that record.

    A field the record requires is required here too, except the `optional` ones, which the
    connector fills by other means.
    """

    def long_form(short: Any) -> Any:
        return {source.short: short} if isinstance(short, str) else short

    entries: dict[str, Any] = {}
    required = _required(record) - set(optional)
    for name, kind in kinds(record).items():
        if name == "external_id":
            continue
        model = _long_form(source, kind.model, kind.choices)
        if name in required:
            entries[name] = (Annotated[model, BeforeValidator(long_form)], ...)
        else:
            entries[name] = (Annotated[model | None, BeforeValidator(long_form)], None)
    return create_model(f"{record.__name__}Fields", __base__=Settings, **entries)


@cache
def _long_form(source: type[Source], model: type[ValueField], choices: tuple[str, ...]) -> type[Settings]:
    """The settings of one field; fields read alike share a model, which keeps the start-up short."""
    name = f"{source.__name__}{model.__name__}"
    if not choices:
        return create_model(name, __base__=(source, model))
    choice: Any = Literal[choices]
    return create_model(
        f"{name}{''.join(word.title() for word in choices)}",
        __base__=(source, model),
        constant=(choice | None, None),
        default=(choice | None, None),
        values=(dict[Word, choice | None], {}),
    )


class FieldMap:
    """The fields of one record, compiled: `read` gives their values out of a payload."""

    def __init__(
        self,
        record: type[Struct],
        fields: Settings,
        reader: Callable[[Any], Reader],
        defaults: Defaults,
        *,
        optional: Collection[str] = (),
    ) -> None:
        self._plain: list[tuple[str, Reader, Reader, Any]] = []
        self._amounts: list[tuple[str, Reader, Callable[[Any, str], int], Any]] = []
        self._required: dict[str, str] = {}
        required = _required(record) - set(optional)
        self._default_currency = defaults.currency if "currency" in record.__struct_fields__ else None
        for name, kind in kinds(record).items():
            spec = getattr(fields, name, None)
            if spec is None:
                continue
            read = _constant(spec.constant) if spec.constant is not None else reader(spec)
            if spec.values and not kind.choices:
                read = _looked_up(read, {**spec.values})
            if kind.model is AmountField:
                amount = amount_reader(spec.unit or defaults.unit, spec.decimal or defaults.decimal)
                self._amounts.append((name, read, amount, spec.default))
            else:
                convert = _converter(kind, spec, defaults)
                default = None if spec.default is None else convert(spec.default)
                if kind.choices and default is not None:
                    convert = _or_default(convert, default)
                self._plain.append((name, read, convert, default))
            if name in required and spec.default is None:
                self._required[name] = spec.place()

    def read(self, payload: Any, currency: str | None = None) -> dict[str, Any]:
        """The record's values. Amounts are in the payload's own currency, else in `currency`.

        Raises RecordError naming the field.
        """
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, read, convert, default in self._plain:
                raw = read(payload)
                value = default if raw is None or raw == "" else convert(raw)
                if value is not None:
                    values[name] = value
            if self._default_currency is not None:
                values.setdefault("currency", self._default_currency)
            currency = values.get("currency", currency)
            for name, read, amount, default in self._amounts:
                raw = read(payload)
                if raw is None or raw == "":
                    raw = default
                if raw is not None:
                    if currency is None:
                        raise ValueError("an amount needs a currency; map it, or set one for the connection")
                    values[name] = amount(raw, currency)
        except ValueError as error:
            raise RecordError(f"{error}.", field=name) from None
        for name, place in self._required.items():
            if name not in values:
                raise RecordError(f"{place} is empty.", field=name)
        return values


class _Part(Protocol):
    def __call__(self, payload: Any) -> Iterable[Any]: ...


class RecordMap(Generic[R]):
    """One stream's mapping, compiled: `record` makes a record of a payload.

    `lines` and `consents` pair what finds the parts in a payload with the map that reads one part.
    A consent that the platform has no word on is left out.
    """

    def __init__(
        self,
        record: type[R],
        identity: Sequence[Reader],
        fields: FieldMap,
        *,
        separator: str = ":",
        lines: tuple[_Part, FieldMap] | None = None,
        consents: Sequence[tuple[_Part, FieldMap]] = (),
    ) -> None:
        self._type = record
        self._identity = tuple(identity)
        self._separator = separator
        self._fields = fields
        self._lines = lines
        self._consents = tuple(consents)

    def external_id(self, payload: Any) -> str:
        """The record's identity. Raises RecordError when a part of it is empty."""
        parts = [read(payload) for read in self._identity]
        if None in parts or "" in parts:
            raise RecordError("a part of the identity is empty.", field="identity")
        try:
            return self._separator.join(map(to_text, parts))
        except ValueError as error:
            raise RecordError(f"{error}.", field="identity") from None

    def record(self, payload: Any) -> R:
        """The record, for the host to check. Raises RecordError naming the field."""
        values = self._fields.read(payload)
        values["external_id"] = self.external_id(payload)
        if self._lines is not None:
            values["lines"] = list(self._order_lines(payload, values.get("currency")))
        if self._consents:
            consents = (fields.read(part) for find, fields in self._consents for part in find(payload))
            values["consents"] = [Consent(**consent) for consent in consents if "granted" in consent]
        return self._type(**values)

    def _order_lines(self, payload: Any, currency: str | None) -> Iterator[OrderLine]:
        assert self._lines is not None
        find, fields = self._lines
        for number, part in enumerate(find(payload), 1):
            try:
                line = fields.read(part, currency)
            except RecordError as error:
                raise RecordError(error.what, field=f"lines[{number}]") from None
            line.setdefault("line_id", str(number))
            if "total" not in line and "price" in line:
                line["total"] = line["price"] * line.get("quantity", 1)
            elif "price" not in line and "total" in line:
                line["price"] = round(line["total"] / max(line.get("quantity", 1), 1))
            yield OrderLine(**line)


def _constant(value: Any) -> Reader:
    return lambda payload: value


def _looked_up(read: Reader, table: Mapping[str, Any]) -> Reader:
    def look_up(payload: Any) -> Any:
        raw = read(payload)
        if isinstance(raw, str):
            return table.get(raw.strip(), raw)
        return raw if raw is None or isinstance(raw, dict | list) else table.get(_word(raw), raw)

    return look_up


def _converter(kind: _Kind, spec: Any, defaults: Defaults) -> Reader:
    if kind.choices:
        table = {choice: choice for choice in kind.choices}
        table.update({word.strip().lower(): value for word, value in spec.values.items()})
        return partial(_choose, table)
    if kind.model is TimeField:
        return time_reader(spec.format or defaults.times.format, spec.zone or defaults.times.zone)
    if kind.model is NumberField:
        number = number_reader(spec.decimal or defaults.decimal)
        return number if spec.scale is None else partial(_spread, number, *spec.scale)
    return kind.convert


def _choose(table: Mapping[str, str | None], value: Any) -> str | None:
    word = to_text(value).lower() if not isinstance(value, bool) else str(value).lower()
    try:
        return table[word]
    except KeyError:
        raise ValueError(f"the word {shown(value)} is not in the table of values") from None


def _or_default(choose: Reader, default: Any) -> Reader:
    def choose_or_default(value: Any) -> Any:
        try:
            return choose(value)
        except ValueError:
            return default

    return choose_or_default


def _spread(number: Callable[[Any], float], low: float, high: float, value: Any) -> float:
    return 1 + 4 * (number(value) - low) / (high - low)
