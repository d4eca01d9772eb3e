"""Payloads into records, as the configuration says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from crmsync.sdk import RECORDS, Consent, OrderLine, Record, RecordError
from crmsync.sdk.fields import Defaults, FieldMap, RecordMap
from crmsync_files.settings import Column, FilesSettings

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

Cells = dict[str, Any]


class Mapping:
    """One stream's mapping, compiled."""

    def __init__(self, stream: str, settings: FilesSettings) -> None:
        configured = getattr(settings.exports, stream)
        defaults = Defaults(settings.currency, settings.times, settings.decimal)
        record = RECORDS[stream]
        lines = getattr(configured, "lines", None)
        consents = getattr(configured, "consents", [])
        self._records = RecordMap(
            record,
            [partial(_of_row, _column(name)) for name in configured.identity_columns()],
            FieldMap(record, configured.fields, partial(_reader, row=True), defaults),
            separator=configured.separator,
            lines=lines
            and (_lines_finder(lines.column), FieldMap(OrderLine, lines.fields, _reader, defaults)),
            consents=[
                (_whole_row, FieldMap(Consent, consent.fields, _reader, defaults, optional=["granted"]))
                for consent in consents
            ],
        )

    def record(self, payload: dict[str, Any]) -> Record:
        """The payload's record. Raises RecordError with the file and the line."""
        place = f"{payload['file']}:{payload['line']}"
        if payload.get("fault"):
            raise RecordError(f"{place}: {payload['fault']}.")
        try:
            return self._records.record(payload)
        except RecordError as error:
            raise RecordError(f"{place}: {error.what}", fix=error.fix) from None


def used_columns(mapped: Any) -> Iterator[tuple[str, str]]:
    """(key, column) for every column that a stream's or its lines' mapping reads."""
    blocks = [mapped.fields, *(consent.fields for consent in getattr(mapped, "consents", []))]
    for fields in blocks:
        for name in type(fields).model_fields:
            spec: Column | None = getattr(fields, name)
            if spec is None or spec.constant is not None:
                continue
            if spec.template is not None:
                yield from ((f"fields.{name}", column) for column in _PLACEHOLDER.findall(spec.template))
            elif spec.column is not None:
                columns = [spec.column] if isinstance(spec.column, str) else spec.column
                yield from ((f"fields.{name}", column) for column in columns)
    if hasattr(mapped, "identity_columns"):
        yield from (("identity", column) for column in mapped.identity_columns())


def _of_row(read: Callable[[Cells], Any], payload: dict[str, Any]) -> Any:
    return read(payload["row"])


def _whole_row(payload: dict[str, Any]) -> list[Cells]:
    return [payload["row"]]


def _lines_finder(column: str | None) -> Callable[[dict[str, Any]], list[Cells]]:
    if column is None:
        return lambda payload: payload["lines"]
    read = _column(column)

    def find(payload: dict[str, Any]) -> list[Cells]:
        found = read(payload["row"])
        if found is None or found == "":
            return []
        if not isinstance(found, list) or not all(isinstance(line, dict) for line in found):
            raise RecordError(f"column {column!r} holds no list of objects.", field="lines")
        return found

    return find


def _reader(spec: Column, row: bool = False) -> Callable[[Any], Any]:
    if spec.template is not None:
        read = _template(spec.template)
    elif isinstance(spec.column, list):
        read = _first([_column(name) for name in spec.column])
    else:
        assert spec.column is not None
        read = _column(spec.column)
        if row and "." not in spec.column:
            return lambda payload, name=spec.column: payload["row"].get(name)  # type: ignore[misc]
    return partial(_of_row, read) if row else read


def _column(name: str) -> Callable[[Cells], Any]:
    """Reads a column; `a.b` also reaches into the object that column `a` holds."""
    if "." not in name:
        return lambda cells: cells.get(name)
    path = name.split(".")

    def reach(cells: Cells) -> Any:
        value: Any = cells.get(name)
        if value is None:
            value = cells
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    return reach


def _first(readers: list[Callable[[Cells], Any]]) -> Callable[[Cells], Any]:
    return lambda cells: next((v for read in readers if (v := read(cells)) not in (None, "")), None)


def _template(template: str) -> Callable[[Cells], Any]:
    """Text with the columns put in; none when any of them is empty."""
    parts = _PLACEHOLDER.split(template)
    literals, readers = parts[::2], [_column(name) for name in parts[1::2]]

    def fill(cells: Cells) -> str | None:
        values = [read(cells) for read in readers]
        if any(value is None or value == "" for value in values):
            return None
        filled = (str(value) + literal for value, literal in zip(values, literals[1:], strict=True))
        return literals[0] + "".join(filled)

    return fill
