"""What processes that talk to one platform share: its quotas and its tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant
from crmsync.store.tables.sealed import SealedText


class Quota(SQLModel, table=True):
    """One GCRA row per quota: the time at which the next call may go out."""

    __tablename__ = "quota"

    name: str = Field(primary_key=True)
    next_at: int = Field(sa_type=BigInteger)


class TokenRow(SQLModel, table=True):
    """The access token of a connection, sealed. `version` guards against two refreshes at once."""

    __tablename__ = "token"

    connection: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str = Field(sa_type=SealedText("token.value", "connection", "name"))
    refresh_token: str | None = Field(
        default=None, sa_type=SealedText("token.refresh_token", "connection", "name")
    )
    expires_at: datetime | None = instant(default=None)
    version: int = 1
