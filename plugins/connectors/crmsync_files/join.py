"""Other files' rows, brought to the row they belong to: as columns, as sums, as an order's lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any

from crmsync.sdk import PermanentError
from crmsync.sdk.convert import DecimalSign, plain_decimal, shown, to_text
from crmsync_files.index import Index
from crmsync_files.settings import Join, JoinedFile, Lines
from crmsync_files.table import Row, Table

_MOST_FAULTS = 1_000
KEY_SEPARATOR = "\x1f"


def key_of(cells: dict[str, Any], columns: Sequence[str]) -> str | None:
    """The row's key, or None when a part of it is empty or no plain value."""
    parts = []
    for column in columns:
        value = cells.get(column)
        if value is None or value == "" or isinstance(value, dict | list):
            return None
        parts.append(to_text(value) if not isinstance(value, bool) else str(value))
    return KEY_SEPARATOR.join(parts)


class JoinedTable:
    """One joined file, indexed by its key columns."""

    def __init__(self, settings: JoinedFile, table: Table, where: str, decimal: DecimalSign) -> None:
        self.table = table
        self._where = where
        self._decimal = decimal
        self._sums = settings.sum
        self._here = [here for here, _ in settings.pairs()]
        self._there = [there for _, there in settings.pairs()]
        self._take = settings.take if isinstance(settings, Join) else ""
        self._chosen = _chosen(settings)
        self._index = Index()

    def columns(self, here: list[str] | None) -> list[str] | None:
        """The columns of a row after the join, or None where each row has its own.

        `here`: those before it. Raises PermanentError when a column that the join needs is missing.
        """
        for name in self._here if here is not None else ():
            if name not in here:
                raise missing_column(f"{self._where}.on", name, here)
        added = self._added()
        return None if here is None or added is None else [*here, *added]

    def _added(self) -> list[str] | None:
        there = self.table.columns()
        if there is not None:
            for name in (*self._there, *(self._chosen or {}).values(), *self._sums.values()):
                if name not in there:
                    raise missing_column(self._where, name, there)
        if not self._take:
            return list(self._sums)
        if self._chosen is not None:
            return [*self._chosen, *self._sums]
        return None if there is None else [c for c in there if c not in self._there]

    def load(self) -> Iterator[Row]:
        """Read the file into the index. Yields the rows that cannot be used."""
        faults = 0
        wanted = self._chosen
        for row in self.table:
            key = key_of(row.cells, self._there) if not row.fault else None
            if key is None:
                row.fault = row.fault or f"its {', '.join(self._there)} is empty"
                faults += 1
                if faults > _MOST_FAULTS:
                    raise PermanentError(
                        f"{self._where}: over {_MOST_FAULTS} rows cannot be used; "
                        f"at line {row.line} of {row.file}, {row.fault}.",
                        fix="Check the delimiter, the encoding and the columns in `on`.",
                    )
                yield row
                continue
            cells = row.cells
            if wanted is not None:
                cells = {new: cells.get(old) for new, old in wanted.items()}
                cells.update({old: row.cells.get(old) for old in self._sums.values()})
            self._index.add(key, cells)

    def rows(self, cells: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows that belong to these cells."""
        key = key_of(cells, self._here)
        return self._index.get(key) if key is not None else []

    def apply(self, cells: dict[str, Any], rows: list[dict[str, Any]]) -> str:
        """Add the columns and sums of the rows found. Returns what is wrong with them, if anything."""
        for new, old in self._sums.items():
            try:
                parts = [Decimal(plain_decimal(str(r[old]), self._decimal)) for r in rows if r.get(old)]
            except (ValueError, InvalidOperation):
                return f"{self._where}: a cell of {old!r} is not an amount"
            if parts:
                cells[new] = str(sum(parts))
        if not self._take or not rows or (self._chosen is not None and not self._chosen):
            return ""
        if len(rows) > 1 and self._take == "one":
            found = ", ".join(f"{name}={shown(cells.get(name))}" for name in self._here)
            return f"{self._where}: {len(rows)} rows match {found}; set `take`, or add them up with `sum`"
        row = rows[-1] if self._take == "last" else rows[0]
        names = self._chosen if self._chosen is not None else row
        for name in names:
            cells.setdefault(name, row.get(name))
        return ""

    def close(self) -> None:
        self._index.close()


def _chosen(settings: JoinedFile) -> dict[str, str] | None:
    """The columns kept from a joined row by their new names; None for all."""
    if isinstance(settings, Lines):
        return None
    assert isinstance(settings, Join)
    if settings.columns is None:
        return {} if settings.sum else None
    if isinstance(settings.columns, dict):
        return settings.columns
    return {name: name for name in settings.columns}


def missing_column(where: str, name: str, known: Sequence[str]) -> PermanentError:
    """The error for a column that is configured and not in the file."""
    near = get_close_matches(name, known, 1)
    return PermanentError(
        f"{where}: there is no column {name!r}.",
        fix=f"Did you mean {near[0]!r}?" if near else f"The columns are: {', '.join(known)}.",
    )
