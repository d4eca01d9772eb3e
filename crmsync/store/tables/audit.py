"""Who did what by hand, for ever."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class Audit(SQLModel, table=True):
    """One action of a person: approve, cancel, resolve, replay, drop, suppress. The database refuses to
    change or delete it.

    `seal` is the SHA-256 of its content and of the seal before it, `signature` the id of a key and the HMAC
    of the seal under it, where one is configured: see `crmsync audit verify`.
    """

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant()
    actor: str
    action: str
    object: str
    detail: str = Field(default="", sa_type=Text)
    seal: str
    signature: str = Field(default="", sa_column_kwargs={"server_default": ""})
