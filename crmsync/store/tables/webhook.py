"""Events that platforms sent, remembered so that each counts once."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class WebhookEvent(SQLModel, table=True):
    """One event, by the SHA-256 of what its platform signed."""

    __tablename__ = "webhook_event"

    connection: str = Field(primary_key=True)
    digest: str = Field(primary_key=True)
    received_at: datetime = instant(index=True)
