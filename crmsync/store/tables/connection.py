"""Connections and how far each of their streams has come."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class Connection(SQLModel, table=True):
    """One configured connection to a shop. `scope` is where the platform's customer ids are unique."""

    __tablename__ = "connection"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    connector: str
    scope: str
    shop: str | None = None
    currency: str | None = None
    zone: str | None = None
    checked_at: datetime | None = instant(default=None)


class CursorRow(SQLModel, table=True):
    """Where a stream stands. `walked_at` is the end of the last walk that reached the platform's end."""

    __tablename__ = "cursor"

    connection_id: int = Field(primary_key=True, foreign_key="connection.id")
    stream: str = Field(primary_key=True)
    at: datetime | None = instant(default=None)
    token: str | None = None
    walked_at: datetime | None = instant(default=None)
    changed_at: datetime = instant()


class Run(SQLModel, table=True):
    """One run of one stream: counts of records, waits, and why it ended as it did."""

    __tablename__ = "run"

    id: int | None = Field(default=None, primary_key=True)
    connection_id: int = Field(foreign_key="connection.id", index=True)
    stream: str
    kind: str
    status: str
    reason: str = ""
    started_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    pages: int = 0
    pulled: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    waited_seconds: float = 0.0
    waiting_until: datetime | None = instant(default=None)
    waiting_reason: str | None = None


class Seen(SQLModel, table=True):
    """What a complete read has listed so far; emptied when the read ends."""

    __tablename__ = "seen"
    __table_args__ = {"sqlite_with_rowid": False}

    run_id: int = Field(primary_key=True, foreign_key="run.id")
    external_id: str = Field(primary_key=True)
