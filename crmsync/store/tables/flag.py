"""What the rules found: standing and past flags, and every step of their history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant

_STANDING = text("cleared_at IS NULL")


class Flag(SQLModel, table=True):
    """A rule's verdict on one subject, from when it was raised until it was cleared.

    `rule` is the name of the rule in the configuration. `subject_id` is the customer's id as text,
    `connection name/external id` for a product or an agent, the connection's name for a shop.
    A subject has at most one standing flag of a rule (`cleared_at` is NULL). `state` is the rule's own word
    for where the subject stands (a stage, a type, a tier), where it has one. `reasons` is JSON.
    """

    __tablename__ = "flag"
    __table_args__ = (
        Index(
            "uq_flag_standing",
            "rule",
            "subject",
            "subject_id",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        Index(None, "subject", "subject_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    rule: str
    subject: str
    subject_id: str
    level: str
    state: str | None = None
    score: float
    reasons: str = Field(sa_type=Text)
    raised_at: datetime = instant()
    changed_at: datetime = instant()
    cleared_at: datetime | None = instant(default=None)


class FlagEvent(SQLModel, table=True):
    """One step of a flag: `raised`, `changed` or `cleared`, with what the rule said then. Only added to."""

    __tablename__ = "flag_event"
    __table_args__ = (Index(None, "subject", "subject_id"),)

    id: int | None = Field(default=None, primary_key=True)
    flag_id: int = Field(foreign_key="flag.id", index=True)
    rule: str
    subject: str
    subject_id: str
    change: str
    level: str
    state: str | None = None
    score: float
    reasons: str = Field(sa_type=Text)
    at: datetime = instant()
