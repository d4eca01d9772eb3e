"""What customers say: reviews, and conversations with the shop's agents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import Pulled, instant
from crmsync.store.tables.sealed import Sealed, SealedText

# Facts look up by these what has no other way to its subject; the rows are few.
_NO_ORDER = text("order_id IS NULL")
_COMPLAINT = text("type IS NOT NULL")


class Review(Pulled, table=True):
    """A review of an order or a product. `level` is good, neutral or bad: the platform's, else by the score,
    else by what the text says. `type` is what a review that is not good is about, where its text tells.
    Title and text are sealed."""

    __tablename__ = "review"
    __table_args__ = (
        Index(None, "connection_id", "order_id"),
        Index(None, "connection_id", "product_id"),
        Index(
            "ix_review_own_account",
            "connection_id",
            "account_id",
            sqlite_where=_NO_ORDER,
            postgresql_where=_NO_ORDER,
        ),
    )

    order_id: str | None = None
    product_id: str | None = None
    account_id: str | None = None
    score: float | None = None
    level: str | None = None
    type: str | None = None
    title: str = Field(default="", sa_type=Sealed("review.title", "connection_id", "external_id"))
    text: str = Field(default="", sa_type=SealedText("review.text", "connection_id", "external_id"))
    language: str | None = None
    created_at: datetime = instant()
    replied_at: datetime | None = instant(default=None)


class Agent(SQLModel, table=True):
    """A service agent of the shop, as conversations and orders name them."""

    __tablename__ = "agent"

    connection_id: int = Field(primary_key=True, foreign_key="connection.id")
    external_id: str = Field(primary_key=True)
    name: str | None = None
    learned_at: datetime = instant()


class Attendance(Pulled, table=True):
    """One agent's day by the roster: whether they were to come, and came. `day` is any moment of it."""

    __tablename__ = "attendance"
    __table_args__ = (Index(None, "connection_id", "agent_id"),)

    agent_id: str
    day: datetime = instant()
    scheduled: bool = True
    attended: bool


class Conversation(Pulled, table=True):
    """A talk between a customer and an agent, from the first question to its outcome."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index(None, "connection_id", "account_id"),
        Index(None, "connection_id", "agent_id"),
        Index(
            "ix_conversation_complaint_order",
            "connection_id",
            "order_id",
            sqlite_where=_COMPLAINT,
            postgresql_where=_COMPLAINT,
        ),
        Index(
            "ix_conversation_complaint_product",
            "connection_id",
            "product_id",
            sqlite_where=_COMPLAINT,
            postgresql_where=_COMPLAINT,
        ),
    )

    account_id: str | None = None
    agent_id: str | None = None
    order_id: str | None = None
    product_id: str | None = None
    started_at: datetime = instant()
    first_reply_at: datetime | None = instant(default=None)
    ended_at: datetime | None = instant(default=None)
    outcome: str | None = None
    type: str | None = None
    rating: float | None = None
