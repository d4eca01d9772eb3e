"""Bringing a database to the schema this version needs."""

from __future__ import annotations

from sqlmodel import SQLModel

import crmsync.store.tables  # noqa: F401  (declares every table)
from crmsync.store.database import Store


def upgrade(store: Store) -> None:
    """Create or migrate the tables."""
    with store.write() as connection:
        SQLModel.metadata.create_all(connection)
