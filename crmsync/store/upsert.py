"""An insert that both databases can turn away when the row is already there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, column, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from crmsync.store.database import Store
from crmsync.store.tables import to_instant


def upsert(store: Store, table: type[SQLModel], rows: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Any:
    """The insert statement of this database, ready for `on_conflict_do_nothing` or `_do_update`."""
    return _insert(store.dialect)(table).values(rows)


def upsert_many(
    transaction: Connection,
    table: type[SQLModel],
    rows: Sequence[Mapping[str, Any]],
    completed: Callable[[Any], Any],
) -> Any:
    """Insert many rows with the same columns; `completed` adds `on_conflict_do_…` and what is returned.

    A statement that names each value of each row is made, compiled and read anew for every number of rows;
    here it is the same for any. PostgreSQL gets all rows as one value.
    """
    insert = _insert(transaction.dialect.name)(table)
    if transaction.dialect.name == "sqlite":
        return transaction.execute(completed(insert), rows)
    names = list(rows[0])
    given = text(f'json_populate_recordset(CAST(NULL AS "{table.__tablename__}"), CAST(:rows AS json))')
    source = select(*map(column, names)).select_from(given)
    told = [{name: _plain(value) for name, value in row.items()} for row in rows]
    return transaction.execute(completed(insert.from_select(names, source)), {"rows": json.dumps(told)})


def _insert(dialect: str) -> Any:
    return sqlite.insert if dialect == "sqlite" else postgresql.insert


def _plain(value: Any) -> Any:
    return to_instant(value) if isinstance(value, datetime) else value
