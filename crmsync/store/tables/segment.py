"""Who belongs to which segment, and who did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant

_INSIDE = text("left_at IS NULL")


class Segment(SQLModel, table=True):
    """A named selection of customers, and how far its membership has been worked out.

    `refresh_id` and `event_id` are the refresh of facts and the step of flags it has seen, `full_at` is
    when all customers were last looked at. `closed_at` is set when it is configured no more.
    """

    __tablename__ = "segment"

    name: str = Field(primary_key=True)
    selection: str = Field(sa_type=Text)
    refresh_id: int
    event_id: int
    refreshed_at: datetime = instant()
    full_at: datetime = instant()
    closed_at: datetime | None = instant(default=None)


class SegmentMember(SQLModel, table=True):
    """One stay of a customer in a segment; while `left_at` is NULL it lasts. Only added to and closed."""

    __tablename__ = "segment_member"
    __table_args__ = (
        Index(
            "uq_segment_member_inside",
            "segment",
            "customer_id",
            unique=True,
            sqlite_where=_INSIDE,
            postgresql_where=_INSIDE,
        ),
        Index(None, "customer_id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    segment: str = Field(foreign_key="segment.name")
    customer_id: int = Field(foreign_key="customer.id")
    entered_at: datetime = instant()
    left_at: datetime | None = instant(default=None)
