"""Writing many rows of one table at once, by the cheapest way each database has.

SQLite: one prepared statement and the driver's `executemany`. PostgreSQL: COPY into a temporary
table, then one INSERT … SELECT. Both from the same SQLAlchemy statement, compiled once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, column, func, or_, select, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from crmsync.store.database import STAGED
from crmsync.store.sealing import Sealing
from crmsync.store.vault import vault_of

COPY_FROM = 20
"""Below this many rows the round trips of COPY cost more than they save."""

Row = Sequence[Any]
"""Values in the order of the bulk's columns, as the database keeps them: instants, not datetimes."""


class Bulk:
    """Prepared writes into the given columns of one table.

    `upsert` inserts, or updates all but the key and the `keep` columns; with `newest`, only when
    that column is not older than what is stored. `insert` leaves existing rows as they are. Contact
    data are sealed on their way.
    """

    def __init__(
        self,
        model: type[SQLModel],
        columns: Sequence[str],
        *,
        key: Sequence[str] = (),
        keep: Collection[str] = (),
        newest: str | None = None,
    ) -> None:
        self.table: Table = model.__table__  # type: ignore[attr-defined]
        self.columns = tuple(columns)
        if self.columns != tuple(c.name for c in self.table.columns if c.name in self.columns):
            # The compiled INSERT names them in the table's order, and rows come by position.
            raise ValueError(f"columns of {self.table.name} are not in the table's order")
        self.key = tuple(key) or tuple(c.name for c in self.table.primary_key)
        self.keep = frozenset(keep) | set(self.key)
        self.newest = newest
        self._sealing = Sealing(self.table, self.columns)
        self.columns += self._sealing.adds
        self._sql = lru_cache(maxsize=8)(self._compile)

    def upsert(self, connection: Connection, rows: Sequence[Row]) -> None:
        self._write(connection, rows, update=True)

    def insert(self, connection: Connection, rows: Sequence[Row]) -> None:
        self._write(connection, rows, update=False)

    def _write(self, connection: Connection, rows: Sequence[Row], *, update: bool) -> None:
        if not rows:
            return
        rows = self._sealing.rows(vault_of(connection), rows)
        if connection.dialect.name == "postgresql" and len(rows) >= COPY_FROM:
            self._copy(connection, rows)
            connection.exec_driver_sql(self._sql("postgresql", update, True))
            # Rows of customers must not outlive in the session those that may be erased meanwhile.
            connection.exec_driver_sql(f"TRUNCATE {self._staging}")
        else:
            connection.exec_driver_sql(self._sql(connection.dialect.name, update, False), rows)  # type: ignore[arg-type]

    @property
    def _staging(self) -> str:
        return f"copy_{self.table.name}"

    def _copy(self, connection: Connection, rows: Sequence[Row]) -> None:
        staged = connection.info.setdefault(STAGED, set())
        if self._staging not in staged:
            connection.exec_driver_sql(
                # A session may have it from before a rollback, after which nobody knows what it has.
                f"CREATE TEMPORARY TABLE IF NOT EXISTS {self._staging}"
                f' AS TABLE "{self.table.name}" WITH NO DATA'
            )
            staged.add(self._staging)
        names = ", ".join(f'"{name}"' for name in self.columns)
        cursor = connection.connection.cursor()
        try:
            with cursor.copy(f"COPY {self._staging} ({names}) FROM STDIN") as copy:
                write = copy.write_row
                for row in rows:
                    write(row)
        finally:
            cursor.close()

    def _compile(self, dialect: str, update: bool, staged: bool) -> str:
        insert = (postgresql if dialect == "postgresql" else sqlite).insert(self.table)
        if staged:
            source = table(self._staging, *(column(name) for name in self.columns))
            statement = insert.from_select(list(self.columns), select(*source.c))
        else:
            statement = insert.values({name: bindparam(name) for name in self.columns})
        changed = {name: statement.excluded[name] for name in self.columns if name not in self.keep}
        if not update or not changed:
            statement = statement.on_conflict_do_nothing()
        else:
            guard = None
            if self.newest:
                stored, given = self.table.c[self.newest], statement.excluded[self.newest]
                guard = or_(stored.is_(None), func.coalesce(given, stored) >= stored)
            statement = statement.on_conflict_do_update(index_elements=self.key, set_=changed, where=guard)
        return str(
            statement.compile(
                dialect=postgresql.psycopg.dialect(paramstyle="format")
                if dialect == "postgresql"
                else sqlite.dialect(paramstyle="qmark")
            )
        )


def among(connection: Connection, name: str) -> str:
    """SQL for `x IN` any number of texts, bound as one parameter: see `many`."""
    if connection.dialect.name == "postgresql":
        return f"(SELECT unnest(CAST(:{name} AS text[])))"
    return f"(SELECT value FROM json_each(:{name}))"


def many(connection: Connection, values: Iterable[str]) -> Any:
    """The value to bind where `among` is used."""
    return list(values) if connection.dialect.name == "postgresql" else json.dumps(list(values))
