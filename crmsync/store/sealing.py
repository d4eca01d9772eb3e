"""How contact data get into their columns: sealed, with the index by which they are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from crmsync.store.tables import to_instant
from crmsync.store.tables.sealed import BETWEEN, MARK, PLAIN_MARK, AddressIndex, KeyId, Sealed
from crmsync.store.vault import Vault, row_of


def sealed_columns(table: Table) -> dict[str, Sealed]:
    """The columns of a table that are sealed."""
    return {column.name: column.type for column in table.columns if isinstance(column.type, Sealed)}


def sealed(vault: Vault, model: type[SQLModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as an insert of this table may be given them, with what follows from them."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    found = dict(values)
    types = {name: type for name, type in sealed_columns(table).items() if name in values}
    for name, type in types.items():
        identity = row_of(*(_plain(values[own]) for own in type.row))
        found[name] = vault.seal(type.place, identity, values[name])
    for column in table.columns:
        if isinstance(column.type, AddressIndex) and (address := values.get(column.type.of)):
            found[column.name] = vault.index(column.type.kind, address)
        elif isinstance(column.type, KeyId) and types:
            found[column.name] = vault.key_id
            found["digest"] ^= vault.pad(vault.key_id, identity)
    return found


def _plain(value: Any) -> Any:
    return to_instant(value) if isinstance(value, datetime) else value


class Sealing:
    """What it takes to seal rows of a table that come by position, in these columns.

    `adds` are the columns that follow from them; each row has their values behind its own.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        place = {name: position for position, name in enumerate(columns)}
        types = {name: type for name, type in sealed_columns(table).items() if name in place}
        self._sealed = [(place[name], type.place) for name, type in types.items()]
        # All of a table are bound to the row by the same columns.
        self._identity = [place[own] for type in list(types.values())[:1] for own in type.row]
        derived = [column for column in table.columns if isinstance(column.type, AddressIndex | KeyId)]
        self.adds = tuple(column.name for column in derived) if types else ()
        self._indexes = [
            (place[column.type.of], column.type.kind)
            for column in derived
            if types and isinstance(column.type, AddressIndex)
        ]
        # Whose digest is hidden says under which key.
        self._digest = place["digest"] if self.adds else None

    def rows(self, vault: Vault, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """The rows, sealed."""
        if not self._sealed or not (vault.key_id or self.adds or self._any_marked(rows)):
            return rows
        return [self._row(vault, row) for row in rows]

    def _any_marked(self, rows: Sequence[Sequence[Any]]) -> bool:
        marks = (MARK, PLAIN_MARK)
        return any((row[place] or "").startswith(marks) for row in rows for place, _ in self._sealed)

    def _row(self, vault: Vault, row: Sequence[Any]) -> Sequence[Any]:
        found = list(row)
        identity = BETWEEN.join([str(row[position]) for position in self._identity])
        for position, place in self._sealed:
            if text := row[position]:
                found[position] = vault.seal(place, identity, text)
        if self._digest is not None:
            for position, kind in self._indexes:
                found.append(vault.index(kind, row[position]) if row[position] else None)
            found.append(vault.key_id)
            found[self._digest] ^= vault.pad(vault.key_id, identity)
        return tuple(found)
