"""Whom a customer's message goes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, func, select

from crmsync.care.address import Addressed
from crmsync.care.link import Links
from crmsync.sdk import OutgoingMessage, Recipient
from crmsync.store.membership import one_of
from crmsync.store.tables import Account, Connection, Instant, Order

_Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class LastOrder:
    """The latest order of an account, when its first was, and how many it has."""

    order_id: str
    placed_at: datetime
    delivered_at: datetime | None
    first_at: datetime
    count: int

    @property
    def times(self) -> dict[str, datetime | None]:
        """What a message about this order is held to by platforms with a window."""
        return {"ordered_at": self.placed_at, "delivered_at": self.delivered_at}


@dataclass(frozen=True, slots=True)
class Addressee:
    """The one account a customer is written to on: that of the latest order, else the latest known."""

    account: Row[Any]
    order: LastOrder | None

    @property
    def key(self) -> tuple[int, str]:
        """The account's connection and its id there."""
        return self.account.connection_id, self.account.external_id

    @property
    def addressed(self) -> Addressed:
        return addressed(self.account)


ACCOUNT_COLUMNS = (
    Account.connection_id,
    Account.external_id,
    Account.customer_id,
    Account.name,
    Account.email,
    Account.phone,
    Account.language,
    Account.country,
    Account.zone.label("own_zone"),  # type: ignore[union-attr]
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


def outgoing(message: Mapping[str, Any], account: Row[Any], links: Links | None = None) -> OutgoingMessage:
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
        ordered_at=message.get("ordered_at"),
        delivered_at=message.get("delivered_at"),
        review_id=message.get("review_id"),
        unsubscribe_url=links.unsubscribe(message["key"]) if links else None,
    )


# Made once: for one message, making a query costs more than asking it.
_PEOPLE = select(Account.connection_id, Account.external_id, Account.customer_id).where(
    one_of(Account.connection_id, "connections"),
    one_of(Account.external_id, "accounts"),
    Account.deleted_at.is_(None),
)


def people_of(transaction: Transaction, accounts: Mapping[int, _Key]) -> dict[int, int]:
    """The customer whom each of these accounts belongs to now, by the same ids; one that is gone is left
    out."""
    asked = {
        "connections": list({connection for connection, _ in accounts.values()}),
        "accounts": [account for _, account in accounts.values()],
    }
    found = {(shop, account): customer for shop, account, customer in transaction.execute(_PEOPLE, asked)}
    return {id: found[key] for id, key in accounts.items() if key in found}


def addressees(
    transaction: Transaction, customers: Iterable[int], chosen: Mapping[int, _Key] | None = None
) -> dict[int, Addressee]:
    """The addressee of each of these customers; one without an account is left out. `chosen` are the
    accounts they have been written to on before."""
    accounts = {
        (a.connection_id, a.external_id): a
        for a in transaction.execute(
            select(*ACCOUNT_COLUMNS)
            .join(Connection, Connection.id == Account.connection_id)
            .where(one_of(Account.customer_id, customers), Account.deleted_at.is_(None))
        )
    }
    if chosen:
        accounts = {
            key: account for key, account in accounts.items() if chosen.get(account.customer_id) == key
        }
    orders = _last_orders(transaction, accounts)
    found: dict[int, Row[Any]] = {}
    for _, account in sorted(accounts.items()):
        best = found.get(account.customer_id)
        if best is None or _newness(account, orders) > _newness(best, orders):
            found[account.customer_id] = account
    return {
        customer: Addressee(account, orders.get((account.connection_id, account.external_id)))
        for customer, account in found.items()
    }


def _newness(account: Row[Any], orders: Mapping[_Key, LastOrder]) -> tuple[bool, datetime]:
    order = orders.get((account.connection_id, account.external_id))
    return (True, order.placed_at) if order else (False, account.learned_at)


def _last_orders(transaction: Transaction, keys: Iterable[_Key]) -> dict[_Key, LastOrder]:
    whose = (Order.connection_id, Order.account_id)
    ranked = (
        select(
            Order.connection_id,
            Order.account_id,
            Order.external_id,
            Order.placed_at,
            Order.delivered_at,
            func.min(Order.placed_at, type_=Instant).over(partition_by=whose).label("first_at"),
            func.count().over(partition_by=whose).label("orders"),
            func.row_number()
            .over(
                partition_by=whose,
                order_by=(Order.placed_at.desc(), Order.external_id.desc()),
            )
            .label("rank"),
        )
        .where(
            one_of(Order.connection_id, {k[0] for k in keys}),
            one_of(Order.account_id, {k[1] for k in keys}),
            Order.status != "cancelled",
            Order.deleted_at.is_(None),
        )
        .subquery()
    )
    rows = transaction.execute(select(ranked).where(ranked.c.rank == 1))
    return {
        (r.connection_id, r.account_id): LastOrder(
            r.external_id, r.placed_at, r.delivered_at, r.first_at, r.orders
        )
        for r in rows
    }
