"""Products, orders and what goes back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED, Pulled, instant
from crmsync.store.tables.sealed import Sealed


class Product(Pulled, table=True):
    """A thing the shop sells."""

    __tablename__ = "product"

    title: str
    category: str | None = None
    currency: str | None = None
    price: int | None = Field(default=None, sa_type=BigInteger)
    created_at: datetime | None = instant(default=None)


# Facts look orders up by agent; in most shops few orders name one, and an empty index costs nothing.
_AGENT = text("agent_id IS NOT NULL")


class Order(Pulled, table=True):
    """An order. Amounts are minor units of `currency`."""

    __tablename__ = "order"
    __table_args__ = (
        Index(None, "connection_id", "account_id", "placed_at"),
        Index("ix_order_agent", "connection_id", "agent_id", sqlite_where=_AGENT, postgresql_where=_AGENT),
        CLUSTERED,
    )

    account_id: str | None = None
    status: str
    currency: str
    total: int = Field(sa_type=BigInteger)
    shipping: int = Field(default=0, sa_type=BigInteger)
    discount: int = Field(default=0, sa_type=BigInteger)
    tax: int = Field(default=0, sa_type=BigInteger)
    placed_at: datetime = instant()
    paid_at: datetime | None = instant(default=None)
    shipped_at: datetime | None = instant(default=None)
    promised_at: datetime | None = instant(default=None)
    delivered_at: datetime | None = instant(default=None)
    cancelled_at: datetime | None = instant(default=None)
    agent_id: str | None = None


class OrderLine(SQLModel, table=True):
    """One product in an order; lines live and die with their order."""

    __tablename__ = "order_line"
    __table_args__ = (Index(None, "connection_id", "product_id"), CLUSTERED)

    connection_id: int = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    line_id: str = Field(primary_key=True)
    product_id: str | None = None
    title: str | None = None
    quantity: int = 1
    price: int = Field(sa_type=BigInteger)
    total: int = Field(sa_type=BigInteger)
    seller_id: str | None = None


class Refund(Pulled, table=True):
    """Money or goods going back, for an order or one line of it. `reason` is sealed."""

    __tablename__ = "refund"
    __table_args__ = (Index(None, "connection_id", "order_id"),)

    order_id: str
    line_id: str | None = None
    product_id: str | None = None
    account_id: str | None = None
    kind: str
    status: str
    type: str | None = None
    reason: str = Field(default="", sa_type=Sealed("refund.reason", "connection_id", "external_id"))
    currency: str
    amount: int = Field(sa_type=BigInteger)
    requested_at: datetime = instant()
    completed_at: datetime | None = instant(default=None)
