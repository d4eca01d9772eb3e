"""How each kind of record becomes a row: its table, its columns, its values, whom it touches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from crmsync.sdk import RECORDS, Attendance, Conversation, Customer, Order, Product, Record, Refund, Review
from crmsync.sdk.understanding import understand
from crmsync.store import tables
from crmsync.store.bulk import Bulk

IDENTITY = (
    "connection_id",
    "external_id",
    "updated_at",
    "learned_at",
    "changed_at",
    "deleted_at",
    "digest",
)

Touch = tuple[str, str]
"""What made facts stale: its kind (`account`, `product`, `order`, `agent`; `review` or `talk` where no order
or account leads to it) and external id."""


_NAMES = {"account_id": "customer_id"}
"""Columns that a record calls by another name."""


def at(time: datetime | None) -> int | None:
    """The instant of an optional time."""
    return None if time is None else round(time.timestamp() * 1_000_000)


def level_of(score: float | None) -> str | None:
    """Good from 4 stars, bad up to 2, neutral between (好评, 差评, 中评)."""
    if score is None:
        return None
    return "good" if score >= 4 else "bad" if score <= 2 else "neutral"


@dataclass(frozen=True, slots=True)
class Kind:
    """One stream's way into the store.

    `values` gives those of `columns`; an account's `customer_id` comes first and from elsewhere. `words` are
    the columns in which a customer speaks, `said_at` the one that says when.
    `subjects` are those whose facts a record changes, by kind, and the column that names them. A record
    that has one of its `owners` missing is found by nobody else, and stands for itself under `alone`.
    """

    model: type[SQLModel]
    columns: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    subjects: Mapping[str, str]
    bulk: Bulk
    words: tuple[str, ...] = ()
    said_at: str = ""
    alone: str | None = None
    owners: tuple[str, ...] = ()

    @property
    def table(self) -> str:
        return str(self.model.__tablename__)

    def touches(self, record: Any) -> Iterator[Touch]:
        """The subjects whose facts this record changes."""
        for kind, column in self.subjects.items():
            if subject := getattr(record, _NAMES.get(column, column)):
                yield kind, subject
        if self.alone and not all(getattr(record, _NAMES.get(column, column)) for column in self.owners):
            yield self.alone, record.external_id


def _kind(
    model: type[SQLModel],
    columns: str,
    values: Callable[[Any], tuple[Any, ...]],
    words: tuple[str, ...] = (),
    said_at: str = "",
    alone: str | None = None,
    owners: tuple[str, ...] = (),
    **subjects: str,
) -> Kind:
    names = tuple(columns.split())
    bulk = Bulk(
        model,
        (*IDENTITY, *names),
        key=("connection_id", "external_id"),
        keep=("learned_at", "customer_id"),
        newest="updated_at",
    )
    return Kind(model, names, values, subjects, bulk, words, said_at, alone, owners)


def _product(r: Product) -> tuple[Any, ...]:
    return (r.title, r.category, r.currency, r.price, at(r.created_at))


def _customer(r: Customer) -> tuple[Any, ...]:
    return (
        r.name,
        r.email,
        r.email_verified,
        r.phone,
        r.phone_verified,
        r.language,
        r.country,
        r.region,
        r.city,
        r.zone,
        r.birthday,
        at(r.registered_at),
    )


def _order(r: Order) -> tuple[Any, ...]:
    return (
        r.customer_id,
        r.status,
        r.currency,
        r.total,
        r.shipping,
        r.discount,
        r.tax,
        at(r.placed_at),
        at(r.paid_at),
        at(r.shipped_at),
        at(r.promised_at),
        at(r.delivered_at),
        at(r.cancelled_at),
        r.agent_id,
    )


def _refund(r: Refund) -> tuple[Any, ...]:
    return (
        r.order_id,
        r.line_id,
        r.product_id,
        r.customer_id,
        r.kind,
        r.status,
        r.type,
        r.reason,
        r.currency,
        r.amount,
        at(r.requested_at),
        at(r.completed_at),
    )


def _review(r: Review) -> tuple[Any, ...]:
    said = understand(f"{r.title} {r.text}", r.level or level_of(r.score))
    return (
        r.order_id,
        r.product_id,
        r.customer_id,
        r.score,
        said.level,
        said.type,
        r.title,
        r.text,
        r.language,
        at(r.created_at),
        at(r.replied_at),
    )


def _conversation(r: Conversation) -> tuple[Any, ...]:
    return (
        r.customer_id,
        r.agent_id,
        r.order_id,
        r.product_id,
        at(r.started_at),
        at(r.first_reply_at),
        at(r.ended_at),
        r.outcome,
        r.type,
        r.rating,
    )


def _attendance(r: Attendance) -> tuple[Any, ...]:
    return (r.agent_id, at(r.day), r.scheduled, r.attended)


KINDS: dict[str, Kind] = {
    "products": _kind(
        tables.Product,
        "title category currency price created_at",
        _product,
        product="external_id",
    ),
    "customers": _kind(
        tables.Account,
        "customer_id name email email_verified phone phone_verified language country region city "
        "zone birthday registered_at",
        _customer,
        account="external_id",
    ),
    "orders": _kind(
        tables.Order,
        "account_id status currency total shipping discount tax placed_at paid_at shipped_at promised_at "
        "delivered_at cancelled_at agent_id",
        _order,
        order="external_id",
        account="account_id",
        agent="agent_id",
    ),
    "refunds": _kind(
        tables.Refund,
        "order_id line_id product_id account_id kind status type reason currency amount requested_at "
        "completed_at",
        _refund,
        words=("reason",),
        said_at="requested_at",
        order="order_id",
        account="account_id",
        product="product_id",
    ),
    "reviews": _kind(
        tables.Review,
        "order_id product_id account_id score level type title text language created_at replied_at",
        _review,
        words=("title", "text"),
        said_at="created_at",
        alone="review",
        owners=("order_id",),
        order="order_id",
        account="account_id",
        product="product_id",
    ),
    "conversations": _kind(
        tables.Conversation,
        "account_id agent_id order_id product_id started_at first_reply_at ended_at outcome type rating",
        _conversation,
        alone="talk",
        owners=("order_id", "account_id"),
        order="order_id",
        account="account_id",
        product="product_id",
        agent="agent_id",
    ),
    "attendance": _kind(
        tables.Attendance,
        "agent_id day scheduled attended",
        _attendance,
        agent="agent_id",
    ),
}

assert KINDS.keys() == RECORDS.keys()


LINES = Bulk(
    tables.OrderLine,
    (
        "connection_id",
        "order_id",
        "line_id",
        "product_id",
        "title",
        "quantity",
        "price",
        "total",
        "seller_id",
    ),
)


def line_rows(connection_id: int, order: Order) -> Iterator[tuple[Any, ...]]:
    """The rows of an order's lines, in the columns of `LINES`."""
    order_id = order.external_id
    for line in order.lines:
        yield (
            connection_id,
            order_id,
            line.line_id,
            line.product_id,
            line.title,
            line.quantity,
            line.price,
            line.total,
            line.seller_id,
        )


def account_ids(records: list[Any]) -> set[str]:
    """The accounts these records name, whether or not we know them yet."""
    return {r.customer_id for r in records if r.customer_id is not None}


def names_accounts(record: type[Record]) -> bool:
    return "customer_id" in record.__struct_fields__
