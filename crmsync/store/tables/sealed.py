"""The types of columns with contact data: what is read of them is opened here, and only here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, String, Text, case, cast, func, type_coerce
from sqlalchemy.sql.elements import Label
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from crmsync.store.address import AddressKind

MARK = "enc1:"
"""What a sealed text begins with; the id of its key and a colon follow."""

PLAIN_MARK = "raw1:"
"""What an unsealed text begins with that would else look like something else."""

BETWEEN = "\x1f"
"""Stands between the values that say which row it is."""

DIALECT_KEY = "crmsync_vault"
"""Attribute of an engine's dialect: the vault, which types are given nothing else to find by."""


class Sealed(TypeDecorator[str]):
    """A text that is sealed where a key is configured: see `crmsync.store.sealing` for how it gets in.

    `place` is `table.column`, `row` the columns that say which row it is. A query for the column brings
    the row along, so that whoever reads it need not know.
    """

    impl = String
    cache_ok = True

    def __init__(self, place: str, *row: str) -> None:
        super().__init__()
        self.place = place
        self.row = row

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        own: Any = column.element if isinstance(column, Label) else column
        stored = type_coerce(own, String)
        row = ""
        for number, name in enumerate(self.row):
            value = own.table.c[name]
            if not isinstance(value.type, String):
                value = cast(type_coerce(value, BigInteger), String)
            row = (row + BETWEEN if number else "") + value
        sealed = func.substr(stored, 1, len(MARK)) == MARK
        return type_coerce(case((sealed, stored + " " + row), else_=stored), self)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        vault = getattr(dialect, DIALECT_KEY)
        if value and vault.key_id and not value.startswith(MARK):
            raise TypeError(f"{self.place} takes sealed text only")
        return value

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or not value.startswith((MARK, PLAIN_MARK)):
            return value
        stored, _, row = value.partition(" ") if value.startswith(MARK) else (value, "", "")
        opened: str = getattr(dialect, DIALECT_KEY).open(self.place, row, stored)
        return opened


class SealedText(Sealed):
    """A longer one."""

    impl = Text
    cache_ok = True


class AddressIndex(TypeDecorator[int]):
    """By what the address in the column `of` is found without being read; a number only the key makes."""

    impl = BigInteger
    cache_ok = True

    def __init__(self, of: str, kind: AddressKind) -> None:
        super().__init__()
        self.of = of
        self.kind = kind


class KeyId(TypeDecorator[str]):
    """The id of the key a row's indexes and digest are made with; empty for none."""

    impl = String
    cache_ok = True
