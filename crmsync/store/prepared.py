"""Statements that the driver is given as they are, for what is written once per message.

There, binding and reading by SQLAlchemy cost more than what the database does. The statement is still
SQLAlchemy's, made and compiled once for each database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect

_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),  # type: ignore[no-untyped-call]
    "postgresql": postgresql.psycopg.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]
}


class Prepared:
    """A statement that changes rows, with a `bindparam` for all that differs from one time to the next."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._forms: dict[str, _Form] = {}

    def __call__(self, transaction: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Execute it for each of these; how many rows of the table each of them met."""
        if not rows:
            return []
        name = transaction.dialect.name
        if (form := self._forms.get(name)) is None:
            form = self._forms[name] = _Form(self._statement, _DIALECTS[name])
        driver = transaction.connection.driver_connection
        assert driver is not None
        if name == "sqlite":
            return [driver.execute(form.sql, form.bound(row)).rowcount for row in rows]
        if len(rows) == 1:
            return [driver.execute(form.sql, form.bound(rows[0]), prepare=True).rowcount]
        with driver.pipeline():
            met = [driver.execute(form.sql, form.bound(row), prepare=True) for row in rows]
        return [cursor.rowcount for cursor in met]


class _Form:
    """The statement as one database takes it."""

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self._always = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        self._values: list[tuple[str, Callable[[Any], Any] | None]] = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect))
            for name in compiled.positiontup
        ]

    def bound(self, row: Mapping[str, Any]) -> list[Any]:
        """The values by their places, as the database keeps them."""
        given = {**self._always, **row}
        return [given[name] if bind is None else bind(given[name]) for name, bind in self._values]
