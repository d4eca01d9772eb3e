"""An insert that both databases can turn away when the row is already there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from crmsync.store.database import Store


def upsert(
    store: Store, table: type[SQLModel], rows: Sequence[Mapping[str, Any]] | Mapping[str, Any] | None = None
) -> Any:
    """The insert statement of this database, ready for `on_conflict_do_nothing` or `_do_update`. Many rows
    are given when it is executed: a statement with all of them in it is made and compiled anew each time."""
    insert = (sqlite.insert if store.dialect == "sqlite" else postgresql.insert)(table)
    return insert if rows is None else insert.values(rows)
