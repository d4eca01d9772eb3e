"""Complaints that a person sees through: cases, what was done about each, and what the shop has learned."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import instant
from crmsync.store.tables.sealed import SealedText

_OPEN = text("closed_at IS NULL")


class Case(SQLModel, table=True):
    """One complaint from the moment it is received until the customer says whether it was solved.

    `stage` is one of the five of complaint handling, or `closed`. `flag_id` is the flag that opened it, NULL
    when a person did. `compensation` is what was promised, in minor units of `currency`; `resolved` what the
    customer said at the follow-up. A customer has at most one open case of each type.
    """

    __tablename__ = "case"
    __table_args__ = (
        Index(
            "uq_case_open",
            "customer_id",
            "type",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index(None, "type", "product_id", "opened_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    customer_id: int = Field(foreign_key="customer.id")
    flag_id: int | None = Field(default=None, foreign_key="flag.id", index=True)
    type: str
    severity: str
    order_id: str | None = None
    product_id: str | None = None
    stage: str
    owner: str | None = None
    due_at: datetime | None = instant(default=None)
    compensation: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = None
    resolved: bool | None = None
    opened_at: datetime = instant()
    changed_at: datetime = instant()
    closed_at: datetime | None = instant(default=None)


class CaseEvent(SQLModel, table=True):
    """One step of a case: opened, assigned, advanced, noted, reopened or closed. Only added to."""

    __tablename__ = "case_event"

    id: int | None = Field(default=None, primary_key=True)
    case_id: int = Field(foreign_key="case.id", index=True)
    at: datetime = instant()
    actor: str
    what: str
    stage: str
    note: str = Field(default="", sa_type=SealedText("case_event.note", "case_id", "at"))


class Knowledge(SQLModel, table=True):
    """What answers a fault that many report: of a type, and of one product (`` for any)."""

    __tablename__ = "knowledge"

    type: str = Field(primary_key=True)
    product_id: str = Field(primary_key=True)
    answer: str = Field(sa_type=Text)
    actor: str
    at: datetime = instant()
