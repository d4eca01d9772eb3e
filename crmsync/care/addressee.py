"""Whom a customer's message goes to, and what a template may say to them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, func, select

from crmsync.care.hours import zone_of
from crmsync.care.permission import Addressed
from crmsync.care.template import told_date
from crmsync.care.text import Values
from crmsync.sdk import OutgoingMessage, Recipient
from crmsync.store.tables import Account, Connection, Order, OrderLine, Product

MAX_VALUE = 200
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The latest order of an account, and how many it has."""

    order_id: str
    placed_at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Addressee:
    """The one account a customer is written to on: that of the latest order, else the latest known."""

    account: Row[Any]
    order: LastOrder | None
    last_product: str | None
    favourite_product: str | None

    @property
    def addressed(self) -> Addressed:
        return addressed(self.account)

    def values(self, level: str, language: str, now: datetime) -> Values:
        """What a template may name, as plain values; a customer's own words are cleaned, never rendered."""
        zone = zone_of(self.account.zone)
        placed = self.order and self.order.placed_at.astimezone(zone).date()
        return {
            "customer_name": clean(self.account.name),
            "shop_name": clean(self.account.shop) or self.account.connection,
            "last_order_date": placed and told_date(placed, language),
            "days_since": placed and (now.astimezone(zone).date() - placed).days,
            "orders": self.order.count if self.order else 0,
            "last_product": clean(self.last_product),
            "favourite_product": clean(self.favourite_product),
            "level": level,
        }


ACCOUNT_COLUMNS = (
    Account.connection_id,
    Account.external_id,
    Account.customer_id,
    Account.name,
    Account.email,
    Account.phone,
    Account.language,
    Account.learned_at,
    Connection.name.label("connection"),
    Connection.shop,
    Connection.zone,
)
"""What is read of an account; `addressed` and `recipient` take such a row."""


def addressed(account: Row[Any]) -> Addressed:
    return Addressed(
        account.connection_id, account.external_id, account.connection, account.email, account.phone
    )


def recipient(account: Row[Any]) -> Recipient:
    return Recipient(
        connection=account.connection,
        account_id=account.external_id,
        name=account.name,
        email=account.email,
        phone=account.phone,
        language=account.language,
    )


def outgoing(message: Mapping[str, Any], account: Row[Any]) -> OutgoingMessage:
    """What a channel is given of a row of `message`."""
    return OutgoingMessage(
        id=message.get("id") or 0,
        campaign=message["campaign"],
        purpose=message["purpose"],
        recipient=recipient(account),
        subject=message["subject"],
        body=message["body"],
        language=message["language"],
        order_id=message["order_id"],
    )


def addressees(transaction: Transaction, customers: Iterable[int]) -> dict[int, Addressee]:
    """The addressee of each of these customers; one without an account is left out."""
    accounts = {
        (a.connection_id, a.external_id): a
        for a in transaction.execute(
            select(*ACCOUNT_COLUMNS)
            .join(Connection, Connection.id == Account.connection_id)
            .where(Account.customer_id.in_(list(customers)), Account.deleted_at.is_(None))
        )
    }
    orders = _last_orders(transaction, accounts)
    chosen: dict[int, Row[Any]] = {}
    for _, account in sorted(accounts.items()):
        best = chosen.get(account.customer_id)
        if best is None or _newness(account, orders) > _newness(best, orders):
            chosen[account.customer_id] = account
    keys = [(a.connection_id, a.external_id) for a in chosen.values()]
    favourites = _favourites(transaction, keys)
    last = _last_products(transaction, {(k[0], orders[k].order_id) for k in keys if k in orders})
    found = {}
    for customer, account in chosen.items():
        key = (account.connection_id, account.external_id)
        order = orders.get(key)
        found[customer] = Addressee(
            account,
            order,
            last.get((key[0], order.order_id)) if order else None,
            favourites.get(key),
        )
    return found


def clean(text: str | None) -> str | None:
    """A customer's text as one line without control and direction characters, and not too long."""
    if text is None:
        return None
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text[: 4 * MAX_VALUE])
    return " ".join(visible.split())[:MAX_VALUE] or None


def _newness(account: Row[Any], orders: Mapping[_Key, LastOrder]) -> tuple[bool, datetime]:
    order = orders.get((account.connection_id, account.external_id))
    return (True, order.placed_at) if order else (False, account.learned_at)


def _last_orders(transaction: Transaction, keys: Iterable[_Key]) -> dict[_Key, LastOrder]:
    ranked = (
        select(
            Order.connection_id,
            Order.account_id,
            Order.external_id,
            Order.placed_at,
            func.count().over(partition_by=(Order.connection_id, Order.account_id)).label("orders"),
            func.row_number()
            .over(
                partition_by=(Order.connection_id, Order.account_id),
                order_by=(Order.placed_at.desc(), Order.external_id.desc()),
            )
            .label("rank"),
        )
        .where(
            Order.connection_id.in_({k[0] for k in keys}),
            Order.account_id.in_({k[1] for k in keys}),
            Order.status != "cancelled",
            Order.deleted_at.is_(None),
        )
        .subquery()
    )
    rows = transaction.execute(select(ranked).where(ranked.c.rank == 1))
    return {(r.connection_id, r.account_id): LastOrder(r.external_id, r.placed_at, r.orders) for r in rows}


def _title() -> Any:
    return func.coalesce(Product.title, OrderLine.title)


def _with_product(query: Any) -> Any:
    return query.outerjoin(
        Product,
        (Product.connection_id == OrderLine.connection_id) & (Product.external_id == OrderLine.product_id),
    ).where(_title().is_not(None))


def _favourites(transaction: Transaction, keys: Iterable[_Key]) -> dict[_Key, str]:
    """The title each account ordered most often; of several the first in the alphabet of code points."""
    quantity = func.sum(OrderLine.quantity)
    title = func.min(_title())
    query = _with_product(
        select(Order.connection_id, Order.account_id, title, quantity)
        .join(
            OrderLine,
            (OrderLine.connection_id == Order.connection_id) & (OrderLine.order_id == Order.external_id),
        )
        .where(
            Order.connection_id.in_({k[0] for k in keys}),
            Order.account_id.in_({k[1] for k in keys}),
            Order.status != "cancelled",
            Order.deleted_at.is_(None),
        )
    ).group_by(Order.connection_id, Order.account_id, func.coalesce(OrderLine.product_id, _title()))
    best: dict[_Key, tuple[int, str]] = {}
    for connection_id, account_id, name, count in transaction.execute(query):
        key = (connection_id, account_id)
        if key not in best or (-count, name) < best[key]:
            best[key] = (-count, name)
    return {key: name for key, (_, name) in best.items()}


def _last_products(transaction: Transaction, orders: set[_Key]) -> dict[_Key, str]:
    query = _with_product(
        select(OrderLine.connection_id, OrderLine.order_id, OrderLine.line_id, _title().label("title")).where(
            OrderLine.connection_id.in_({o[0] for o in orders}),
            OrderLine.order_id.in_({o[1] for o in orders}),
        )
    )
    found: dict[_Key, tuple[str, str]] = {}
    for connection_id, order_id, line_id, title in transaction.execute(query):
        key = (connection_id, order_id)
        found[key] = min(found.get(key, (line_id, title)), (line_id, title))
    return {key: title for key, (_, title) in found.items()}
