"""A platform's values as Python values: text, numbers, amounts, times, yes and no.

Every function takes what JSON or CSV gave (text, number, true, false) and raises ValueError with a
sentence that ends a line such as `placed_at: …`; `known` takes a whole row, and names the field itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from crmsync.sdk.errors import RecordError
from crmsync.sdk.money import minor

DecimalSign = Literal["point", "comma"]
Unit = Literal["major", "minor"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE = frozenset({"true", "yes", "y", "1", "t", "是"})
_FALSE = frozenset({"false", "no", "n", "0", "f", "否"})
# A group separator counts only where whole groups of three follow it, so "12,50" is never 1250.
_GROUPED = {
    "point": re.compile(r"[+-]?\d{1,3}(?:[,' \u00a0\u202f]\d{3})+(?:\.\d*)?"),
    "comma": re.compile(r"[+-]?\d{1,3}(?:[.' \u00a0\u202f]\d{3})+(?:,\d*)?"),
}
_MAIL_OFFSET = re.compile(r" (?:[+-]\d{4}|GMT|UTC?)$")
_BIRTHDAY = re.compile(r"(?:\d{4}-|--)?(\d{1,2})-(\d{1,2})(?:[T ].*)?", re.ASCII)
_LEAP_YEAR = 2000
_PARTS = ("year", "month", "day", "hour", "minute", "second")
_DIGITS = {
    "%Y": ("year", r"(\d{4})"),
    "%m": ("month", r"(\d{1,2})"),
    "%d": ("day", r"(\d{1,2})"),
    "%H": ("hour", r"(\d{1,2})"),
    "%M": ("minute", r"(\d{1,2})"),
    "%S": ("second", r"(\d{1,2})"),
}


def shown(value: Any) -> str:
    """A value as an error message quotes it: short, on one line."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def to_text(value: Any) -> str:
    """Text without surrounding blanks; numbers as they are written."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool | dict | list):
        raise ValueError(f"{type(value).__name__} is not text")
    return str(value)


def to_integer(value: Any) -> int:
    """A whole number; `"3"` and `3.0` are, `3.5` is not."""
    number = _decimal(value)
    if number != number.to_integral_value():
        raise ValueError(f"{shown(value)} is not a whole number")
    return int(number)


def number_reader(decimal: DecimalSign) -> Callable[[Any], float]:
    """Reads numbers written with that decimal sign."""

    def read(value: Any) -> float:
        return float(_decimal(plain_decimal(value, decimal)))

    return read


def to_boolean(value: Any) -> bool:
    """true, yes, y, 1, t, 是 and their opposites, in any case."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{shown(value)} is neither yes nor no")


def plain_decimal(value: Any, decimal: DecimalSign) -> Any:
    """Text such as `1.234,56` as `1234.56`: no groups, a point before the fraction."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _GROUPED[decimal].fullmatch(text):
        text = re.sub(r"[' \u00a0\u202f]", "", text).replace("," if decimal == "point" else ".", "")
    elif decimal == "comma" and "." in text:
        raise ValueError(f"{shown(value)} has a point where a decimal comma is expected")
    return text.replace(",", ".") if decimal == "comma" else text


def amount_reader(unit: Unit, decimal: DecimalSign) -> Callable[[Any, str], int]:
    """Reads amounts of money into minor units of a currency."""

    def read_minor(value: Any, currency: str) -> int:
        return to_integer(value)

    def read_major(value: Any, currency: str) -> int:
        if isinstance(value, float):
            value = repr(value)
        try:
            return minor(plain_decimal(value, decimal), currency)
        except RecordError as error:
            raise ValueError(error.what.rstrip(".")) from None

    return read_minor if unit == "minor" else read_major


def known(table: Mapping[Any, Any], row: Mapping[str, Any], field: str) -> Any:
    """What the word that the platform has in this field of a row stands for.

    Raises RecordError for one that is not in the table: to guess what it means would be to invent.
    """
    try:
        return table[row[field]]
    except (KeyError, TypeError):
        raise RecordError(f"the word {shown(row.get(field))} is not known.", field=field) from None


def to_time(value: str | None) -> datetime | Any:
    """A time of ISO 8601 or RFC 2822 (`Wed, 10 Jan 2018 21:05:30 +0000`); None for null or an empty text.

    It serves times that must be there as well: where a record needs one, None is refused.
    """
    if not value:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        time = _mail_time(value)
        if time is None:
            raise ValueError(f"{shown(value)} is neither an ISO 8601 nor an RFC 2822 time") from None
        return time


def to_birthday(value: Any) -> str | None:
    """Month and day (`05-17`) of a date with or without a year: `1990-05-17`, `05-17`, `--05-17`, a time.

    None for null, an empty text and `0000-00-00`. A time is taken as it is written, in no other zone.
    """
    if not value:
        return None
    found = _BIRTHDAY.fullmatch(to_text(value))
    if found is None:
        raise ValueError(f"{shown(value)} is no date of birth")
    month, day = map(int, found.groups())
    if (month, day) == (0, 0):
        return None
    try:
        # Whoever was born on 29 February was born in such a year.
        return date(_LEAP_YEAR, month, day).strftime("%m-%d")
    except ValueError:
        raise ValueError(f"{shown(value)} is no date of birth") from None


def _mail_time(value: str) -> datetime | None:
    # By its letters a zone is anybody's guess: CST is China's and Chicago's.
    if not _MAIL_OFFSET.search(value):
        return None
    try:
        time = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)  # -0000, by which mail means UTC


def time_reader(format: str, zone: tzinfo | None) -> Callable[[Any], datetime]:
    """Reads times into aware UTC datetimes.

    `format`: `iso` (ISO 8601 with or without an offset), `epoch`, `epoch_ms`, or a strptime pattern.
    `zone`: where a time without an offset was read off the clock; without it such times are refused.
    """

    def aware(time: datetime, value: Any) -> datetime:
        if time.tzinfo is None:
            if zone is None:
                raise ValueError(f"{shown(value)} has no offset and no zone is configured")
            time = time.replace(tzinfo=zone)
        try:
            return time.astimezone(UTC)
        except OverflowError:
            raise ValueError(f"{shown(value)} is out of range") from None

    def iso(value: Any) -> datetime:
        try:
            time = datetime.fromisoformat(value.strip() if isinstance(value, str) else value)
        except (ValueError, TypeError):
            raise ValueError(f"{shown(value)} is not an ISO 8601 time") from None
        return aware(time, value)

    if format == "iso":
        return iso
    if format in ("epoch", "epoch_ms"):
        micros = 1_000_000 if format == "epoch" else 1_000

        def epoch(value: Any) -> datetime:
            try:
                return _EPOCH + timedelta(microseconds=int(_decimal(value) * micros))
            except OverflowError:
                raise ValueError(f"{shown(value)} is out of range") from None

        return epoch

    parse = _digit_parser(format)

    def patterned(value: Any) -> datetime:
        try:
            time = parse(to_text(value))
        except ValueError:
            raise ValueError(f"{shown(value)} does not match {format}") from None
        return aware(time, value)

    return patterned


def time_writer(format: str, zone: tzinfo | None) -> Callable[[datetime], str]:
    """Writes aware times the way `time_reader` reads them, in `zone` or UTC."""
    if format == "epoch":
        return lambda time: str(int(time.timestamp()))
    if format == "epoch_ms":
        return lambda time: str((time - _EPOCH) // timedelta(milliseconds=1))
    if format == "iso":
        return lambda time: time.astimezone(zone or UTC).isoformat().replace("+00:00", "Z")
    return lambda time: time.astimezone(zone or UTC).strftime(format)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool):
        raise ValueError(f"{shown(value)} is not a number")
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        raise ValueError(f"{shown(value)} is not a number") from None
    if not number.is_finite() or number.adjusted() > 30:
        raise ValueError(f"{shown(value)} is not a number")
    return number


def _digit_parser(format: str) -> Callable[[str], datetime]:
    """strptime for a pattern of plain digits is five times faster as one regular expression."""
    names: list[str] = []
    pattern = ""
    for part in re.split(r"(%.)", format):
        if part in _DIGITS:
            name, digits = _DIGITS[part]
            names.append(name)
            pattern += digits
        elif part.startswith("%"):
            return lambda text: datetime.strptime(text, format)
        else:
            pattern += re.escape(part)
    # Groups by number, in the order in which `datetime` takes them.
    order = [names.index(name) + 1 for name in _PARTS if name in names]
    if len(order) < 3 or len(names) > len(order) or sorted(names) != sorted(_PARTS[: len(order)]):
        return lambda text: datetime.strptime(text, format)
    match = re.compile(pattern, re.ASCII).fullmatch

    def parse(text: str) -> datetime:
        found = match(text)
        if found is None:
            raise ValueError(text)
        return datetime(*map(int, found.group(*order)))  # type: ignore[arg-type]

    return parse
