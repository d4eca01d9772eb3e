"""What the facts of products, shops and agents were counted from at the last refresh.

Facts of these are sums over thousands of orders. So that one changed order costs one order's work, each
refresh keeps what every order gave, takes that away when the order is touched, and adds what it gives now.
Nothing here is more than a copy of what the records said: all of it may be deleted, and the next refresh
of everything writes it anew.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, text
from sqlmodel import Field, SQLModel

from crmsync.store.tables.base import CLUSTERED
from crmsync.store.tables.fact import Said, Service

_VALID = text("valid = 1")


class OrderTally(SQLModel, table=True):
    """An order there was. `week` is that of the shop's days; the last four are 0 or 1."""

    __tablename__ = "order_tally"
    __table_args__ = (
        Index(
            "ix_order_tally_valid",
            "connection_id",
            "placed_at",
            sqlite_where=_VALID,
            postgresql_where=_VALID,
        ),
        CLUSTERED,
    )

    connection_id: int = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    agent_id: str | None = None
    currency: str
    total: int = Field(sa_type=BigInteger)
    placed_at: int = Field(sa_type=BigInteger)
    week: int
    valid: int
    delivered: int
    late: int
    cancelled: int


class LineTally(SQLModel, table=True):
    """A product in an order, over all its lines; lines that name no product are those of product ''."""

    __tablename__ = "line_tally"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    product_id: str = Field(primary_key=True)
    amount: int = Field(sa_type=BigInteger)
    units: int = Field(sa_type=BigInteger)


class EventTally(SQLModel, table=True):
    """A review, refund or complaint (`talk`), or an order's mark of being refunded (`marked`).

    It concerns the product it names, every product of its order where `product_id` is NULL, and none where
    that is ''; one without an order has the order ''.
    """

    __tablename__ = "event_tally"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    what: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    product_id: str | None = None
    agent_id: str | None = None
    at: int = Field(sa_type=BigInteger)
    kind: str | None = None
    type: str | None = None
    currency: str = ""
    amount: int = Field(default=0, sa_type=BigInteger)


class _Of(SQLModel):
    """The subject it was counted for: `product`, `agent` or `shop` (whose external id is '')."""

    subject: str = Field(primary_key=True)
    connection_id: int = Field(primary_key=True)
    external_id: str = Field(primary_key=True)


class TroubleTally(SQLModel, table=True):
    """A valid order in trouble, for each subject it concerns. `at` is when it last came into any."""

    __tablename__ = "trouble_tally"
    __table_args__ = (Index(None, "subject", "connection_id", "external_id", "at"), CLUSTERED)

    connection_id: int = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    refunded: int
    delivered: int
    week: int


class AccountTally(SQLModel, table=True):
    """What an account bought and asked, with each agent and (agent '') in the shop as a whole.

    A conversation of nobody known has a row of its own, by its id: `talk_id` is '' in all others.
    """

    __tablename__ = "account_tally"
    __table_args__ = (CLUSTERED,)

    connection_id: int = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    talk_id: str = Field(primary_key=True)
    agent_id: str = Field(primary_key=True)
    orders: int
    inquiries: int
    answered: int
    response_time: int = Field(sa_type=BigInteger)
    bought: int
    ratings: int
    bad_ratings: int
    troubled_inquiries: int


class PairTally(SQLModel, table=True):
    """In how many valid orders two products were together; each pair stands both ways round."""

    __tablename__ = "pair_tally"
    __table_args__ = (Index(None, "connection_id", "product_id", "times"), CLUSTERED)

    connection_id: int = Field(primary_key=True)
    product_id: str = Field(primary_key=True)
    other_id: str = Field(primary_key=True)
    times: int


class SumTally(Service, Said, _Of, table=True):
    """Everything that is added up for a subject, by currency; what has none stands at currency ''.

    `sold` counts all its orders, valid or not; the others are called as the facts are.
    """

    __tablename__ = "sum_tally"
    __table_args__ = (CLUSTERED,)

    currency: str = Field(primary_key=True)
    sold: int = 0
    orders: int = 0
    delivered_orders: int = 0
    late_orders: int = 0
    cancelled_orders: int = 0
    gross: int = Field(default=0, sa_type=BigInteger)
    units: int = Field(default=0, sa_type=BigInteger)
    refunded: int = Field(default=0, sa_type=BigInteger)
    troubled_orders: int = 0
    troubled_delivered: int = 0
    customers: int = 0


class WeekTally(_Of, table=True):
    """A subject's valid orders of a week (`tries`), and how many of those came into trouble (`hits`)."""

    __tablename__ = "week_tally"
    __table_args__ = (CLUSTERED,)

    week: int = Field(primary_key=True)
    tries: int = 0
    hits: int = 0


SUMS = tuple(column.name for column in SumTally.__table__.columns if not column.primary_key)  # type: ignore[attr-defined]
"""The columns of `sum_tally` that are added up."""
