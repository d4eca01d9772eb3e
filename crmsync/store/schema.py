"""Bringing a database to the schema this version needs."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import inspect
from sqlmodel import SQLModel

import crmsync.store.tables  # noqa: F401  (declares every table)
from crmsync.store.database import Store

SchemaState = Literal["empty", "current", "other"]


def schema_state(store: Store) -> SchemaState:
    """Whether the database has no table of ours yet, the schema of this version, or another one."""
    with store.read() as connection:
        present = set(inspect(connection).get_table_names())
    needed = set(SQLModel.metadata.tables)
    if not needed & present:
        return "empty"
    return "current" if needed <= present else "other"


def upgrade(store: Store) -> None:
    """Create or migrate the tables."""
    with store.write() as connection:
        SQLModel.metadata.create_all(connection)
