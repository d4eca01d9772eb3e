"""What is known of each customer, product, shop and agent.

Facts hold instants and sums, never "days since": they change only when a record does. What depends
on the clock is worked out when facts are read. Amounts are minor units of the row's `currency`, the
one most of its orders are in; amounts in other currencies are never added to it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED, instant


class FactRefresh(SQLModel, table=True):
    """One refresh that found something stale. Fact rows name the refresh that last changed them.

    The windows are those the facts were worked out with, in microseconds.
    """

    __tablename__ = "fact_refresh"

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = instant()
    full: bool
    changed: int = 0
    consult_window: int = Field(sa_type=BigInteger)
    answer_window: int = Field(sa_type=BigInteger)


class _Fact(SQLModel):
    refresh_id: int


class _Sales(SQLModel):
    """`orders` are valid ones: neither pending nor cancelled."""

    orders: int = 0
    currency: str | None = None
    currency_orders: int = 0
    gross: int = Field(default=0, sa_type=BigInteger)
    refunded: int = Field(default=0, sa_type=BigInteger)


class Said(SQLModel):
    """Refunds, reviews and complaints. Refused and cancelled refunds do not count."""

    refunds: int = 0
    returns: int = 0
    exchanges: int = 0
    reviews: int = 0
    good_reviews: int = 0
    neutral_reviews: int = 0
    bad_reviews: int = 0
    refunded_orders: int = 0
    complaints: int = 0
    complaints_product: int = 0
    complaints_logistics: int = 0
    complaints_service: int = 0
    complaints_contract: int = 0
    complaints_suggestion: int = 0
    complaints_other: int = 0


class _Trouble(SQLModel):
    """Orders with at least one bad review, counted refund or complaint, once each.

    `weekly` has a line `week tries hits` for each of the last weeks with an order, oldest first.
    """

    troubled_orders: int = 0
    troubled_delivered: int = 0
    late_orders: int = 0
    evidence: str | None = None
    weekly: str | None = Field(default=None, sa_type=Text)


class Service(SQLModel):
    """Inquiries, who asked and bought, and how answers were rated."""

    inquiries: int = 0
    answered: int = 0
    response_time: int = Field(default=0, sa_type=BigInteger)
    consulted: int = 0
    converted: int = 0
    ratings: int = 0
    bad_ratings: int = 0
    troubled_inquiries: int = 0


class CustomerFact(_Fact, _Sales, Said, table=True):
    """A customer over all their accounts. Days are the shop's: two orders on one day are one purchase.

    `gap_squares` is the sum of the squared days between purchases, `last_three` the total of the last
    three valid orders in `currency`. `due_at` is the earliest promised time of the orders still awaited,
    and `due_order` that order. `troubles` has a line for the last refund, bad review and complaint. The
    scores are fifths among all customers who bought, 5 the best; `scored_id` is the refresh that last moved
    them, which another customer's order does as well.
    """

    __tablename__ = "customer_fact"

    customer_id: int = Field(primary_key=True)
    first_order_at: datetime | None = instant(default=None)
    last_order_at: datetime | None = instant(default=None)
    first_day: int | None = None
    last_day: int | None = None
    purchase_days: int = 0
    delivered_orders: int = 0
    late_orders: int = 0
    cancelled_orders: int = 0
    units: int = Field(default=0, sa_type=BigInteger)
    products: int = 0
    categories: int = 0
    conversations: int = 0
    gap_squares: int = Field(default=0, sa_type=BigInteger)
    last_gap_days: int | None = None
    last_three: int = Field(default=0, sa_type=BigInteger)
    due_at: datetime | None = instant(default=None)
    due_order: str | None = None
    last_trouble_at: datetime | None = instant(default=None)
    troubles: str | None = Field(default=None, sa_type=Text)
    refunds_after_delivery: int = 0
    orders_after_trouble: int = 0
    messages_received: int = 0
    messages_answered: int = 0
    r_score: int | None = None
    f_score: int | None = None
    m_score: int | None = None
    scored_id: int | None = None


class CustomerSpend(SQLModel, table=True):
    """What a customer spent in a currency other than their main one."""

    __tablename__ = "customer_spend"
    __table_args__ = (CLUSTERED,)

    customer_id: int = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    orders: int
    gross: int = Field(sa_type=BigInteger)
    refunded: int = Field(sa_type=BigInteger)


class ProductFact(_Fact, _Sales, Said, _Trouble, table=True):
    """A product. What is said of an order without naming a product counts for each product in it.

    `companions` has a line `product_id together` for each product most often bought with it.
    """

    __tablename__ = "product_fact"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    units: int = Field(default=0, sa_type=BigInteger)
    delivered_orders: int = 0
    category: str | None = None
    companions: str | None = Field(default=None, sa_type=Text)


class ShopFact(_Fact, _Sales, Said, _Trouble, table=True):
    """A connection's shop as a whole."""

    __tablename__ = "shop_fact"

    connection_id: int = Field(primary_key=True)
    customers: int = 0
    first_order_at: datetime | None = instant(default=None)
    last_order_at: datetime | None = instant(default=None)
    delivered_orders: int = 0
    cancelled_orders: int = 0
    inquiries: int = 0


class AgentFact(Service, _Fact, _Sales, Said, _Trouble, table=True):
    """A service agent: conversations led and orders closed.

    `response_time` is the sum over answered inquiries, in microseconds. `converted` customers bought
    within the consulting window after they had asked.
    """

    __tablename__ = "agent_fact"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    delivered_orders: int = 0
    customers: int = 0
    attendance_days: int = 0
    scheduled_days: int = 0
