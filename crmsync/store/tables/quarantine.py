"""Records that could not be understood, kept whole until a person replays or drops them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant
from crmsync.store.tables.sealed import SealedText


class Quarantine(SQLModel, table=True):
    """One rejected payload as JSON, sealed, with why and how often it was rejected.

    `read_from` and `read_until` bound the part of the stream it came in, so that it can be read again:
    what was a hiccup of the platform mends itself.
    """

    __tablename__ = "quarantine"
    __table_args__ = (UniqueConstraint("connection_id", "stream", "digest"),)

    id: int | None = Field(default=None, primary_key=True)
    connection_id: int = Field(foreign_key="connection.id")
    stream: str
    external_id: str | None = None
    digest: int = Field(sa_type=BigInteger)
    payload: str = Field(sa_type=SealedText("quarantine.payload", "connection_id", "stream", "digest"))
    reason: str
    times: int = 1
    first_at: datetime = instant()
    last_at: datetime = instant()
    read_from: datetime | None = instant(default=None)
    read_until: datetime | None = instant(default=None)
    run_id: int | None = Field(default=None, foreign_key="run.id")
