"""An insert that both databases can turn away when the row is already there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel

from crmsync.store.database import Store


def upsert(store: Store, table: type[SQLModel], rows: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Any:
    """The insert statement of this database, ready for `on_conflict_do_nothing` or `_do_update`."""
    insert = sqlite.insert if store.dialect == "sqlite" else postgresql.insert
    return insert(table).values(rows)
