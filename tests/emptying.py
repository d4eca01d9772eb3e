"""Emptying a store between tests: quicker than a new one, and nothing a store is asked to do in earnest."""

from __future__ import annotations

from sqlalchemy import text
from sqlmodel import SQLModel

from crmsync.store import Store


def empty(store: Store) -> None:
    """Delete every row, also those that the database refuses to delete."""
    # TRUNCATE makes new files for every table, which costs more than the few rows a test leaves.
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER audit_append_only"))
            again = "ALTER TABLE audit ENABLE TRIGGER audit_append_only"
        else:
            kept = text("SELECT sql FROM sqlite_master WHERE name = 'audit_no_delete'")
            again = str(connection.scalar(kept))
            connection.execute(text("DROP TRIGGER audit_no_delete"))
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(text(again))
