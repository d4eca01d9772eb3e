"""What the team has been told, so that a restart tells nothing twice."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant


class Alert(SQLModel, table=True):
    """One trouble as one channel knows it, from when it was seen until its end has been told.

    `told_at` is NULL until the channel has been told of it, and moves on with each reminder. `telling` is
    set while a notice is on its way: what a crash finds set may have been told, and is not told again.
    `cleared_at` is when the trouble was over. After a failure nothing is tried before `next_attempt_at`.
    """

    __tablename__ = "alert"

    channel: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    raised_at: datetime = instant()
    told_at: datetime | None = instant(default=None)
    cleared_at: datetime | None = instant(default=None)
    telling: bool = False
    attempts: int = 0
    next_attempt_at: datetime = instant()
