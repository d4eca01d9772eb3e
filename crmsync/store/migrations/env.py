"""Run by Alembic: migrations on the connection they are given, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlmodel import SQLModel
from sqlmodel.sql.sqltypes import AutoString

import crmsync.store.tables  # noqa: F401  (declares every table)
from crmsync.store.tables import Instant
from crmsync.store.tables.sealed import AddressIndex, KeyId, Sealed, SealedText


def render(kind: str, item: Any, autogenerating: Any) -> str | Literal[False]:
    """A migration names what the database has, so that our types may change without it."""
    if kind == "type" and isinstance(item, Instant | AddressIndex):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(item, SealedText):
        return "sa.Text()"
    if kind == "type" and isinstance(item, AutoString | Sealed | KeyId):
        return "sa.String()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    # SQLite can change little of a table; a batch makes a new one and moves the rows.
    render_as_batch=True,
    render_item=render,
    # The store begins its transactions itself, so SQLite's DDL is part of them.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
