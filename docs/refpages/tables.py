"""The page of tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from crmsync.store import tables as _  # noqa: F401
from refpages.page import code, described
from refpages.page import table as markdown


def tables() -> str:
    """Every table with its columns; what they are for stands with the table."""
    text = (
        "# Tables\n\nThe same on SQLite and PostgreSQL. *instant* is a whole number: microseconds since 1970 "
        "in UTC. Reading them with SQL of your own is fine; write through crmsync alone.\n"
    )
    by_table = {mapper.local_table: mapper.class_ for mapper in SQLModel._sa_registry.mappers}
    for table in sorted(SQLModel.metadata.sorted_tables, key=lambda table: table.name):
        model: Any = by_table[table]
        paragraphs = (model.__dict__.get("__doc__") or " ").split("\n\n")
        text += f"\n## {table.name}\n\n{' '.join(described(table.name, p) for p in paragraphs)}\n\n"
        text += markdown(("column", "type", ""), _columns(table))
    return text


def _columns(table: Table) -> Iterator[tuple[str, ...]]:
    for column in table.columns:
        notes = ["key"] if column.primary_key else ["may be null"] if column.nullable else []
        notes += [f"→ {code(key.target_fullname)}" for key in column.foreign_keys]
        kind = type(column.type).__name__
        words = {"Instant": "instant", "AutoString": "text", "Text": "text", "BigInteger": "whole number"}
        words |= {"Integer": "whole number", "Boolean": "true or false", "Float": "number", "JSON": "JSON"}
        yield code(column.name), words.get(kind, kind.lower()), ", ".join(notes)
