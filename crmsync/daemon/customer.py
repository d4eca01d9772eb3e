"""All there is to say of one customer: accounts, facts, orders, flags, messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from crmsync.rules import Explanation, explain
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store import tables as t

_LATEST = 10
# Columns of facts that say nothing of the customer.
_BOOKS = ("customer_id", "refresh_id", "scored_id")
# A number with more digits fits no key of ours; a phone may have them.
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class AccountCard:
    """The customer on one connection."""

    connection: str
    account_id: str
    name: str | None
    language: str | None
    email: str | None
    phone: str | None
    registered_at: datetime | None


@dataclass(frozen=True, slots=True)
class OrderCard:
    """One order. `total` is in minor units of `currency`."""

    connection: str
    order_id: str
    status: str
    placed_at: datetime
    total: int
    currency: str


@dataclass(frozen=True, slots=True)
class MessageCard:
    """One message to the customer, without its text."""

    id: int
    campaign: str
    state: str
    reason: str
    planned_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """The customer as the store knows them; `orders` and `messages` are the latest."""

    id: int
    accounts: tuple[AccountCard, ...]
    facts: dict[str, Any]
    orders: tuple[OrderCard, ...]
    flags: Explanation
    messages: tuple[MessageCard, ...]


def find_customer(store: Store, key: str) -> int:
    """The customer with this number, behind `connection/account id`, or whom this e-mail or phone reaches.

    Raises UsageError when there is none, or more than one.
    """
    a = t.Account
    connection_name, slash, account = key.partition("/")
    by_address = (
        select(a.customer_id)
        .distinct()
        .where(
            a.email_index.in_(store.vault.indexes("email", key))  # type: ignore[union-attr]
            if "@" in key
            else a.phone_index.in_(store.vault.indexes("phone", key))  # type: ignore[union-attr]
        )
    )
    queries = [by_address.order_by(a.customer_id)]
    if slash:
        named = (t.Connection.name == connection_name) & (a.external_id == account)
        queries.insert(
            0, select(a.customer_id).join(t.Connection, t.Connection.id == a.connection_id).where(named)
        )
    elif key.isdecimal() and len(key) < _DIGITS:
        queries.insert(0, select(t.Customer.id).where(t.Customer.id == int(key)))
    with store.read() as reading:
        found = next(filter(None, (reading.scalars(query).all() for query in queries)), ())
    if not found:
        raise UsageError(
            f"There is no customer {key}.",
            fix="Give a number from `crmsync flags`, CONNECTION/ACCOUNT, an e-mail or a phone.",
        )
    if len(found) > 1:
        raise UsageError(
            f"That reaches {len(found)} customers: {', '.join(map(str, found[:_LATEST]))}.",
            fix="Give the number of one.",
        )
    return int(found[0])


def account_ids(store: Store, connection: str) -> dict[str, str]:
    """The account on this connection of each of its customers, by the customer's number as text."""
    query = (
        select(t.Account.customer_id, t.Account.external_id)
        .join(t.Connection, t.Connection.id == t.Account.connection_id)
        .where(t.Connection.name == connection)
    )
    with store.read() as reading:
        return {str(customer): account for customer, account in reading.execute(query)}


def read_customer(store: Store, customer_id: int) -> CustomerCard:
    """Everything of this customer."""
    a, o, m, f = t.Account, t.Order, t.Message, t.CustomerFact
    name = t.Connection.name
    accounts = (
        select(name, a.external_id, a.name.label("person"), a.language, a.email, a.phone, a.registered_at)
        .join(t.Connection, t.Connection.id == a.connection_id)
        .where(a.customer_id == customer_id)
        .order_by(name, a.external_id)
    )
    orders = (
        select(name, o.external_id, o.status, o.placed_at, o.total, o.currency)
        .join(a, (a.connection_id == o.connection_id) & (a.external_id == o.account_id))
        .join(t.Connection, t.Connection.id == o.connection_id)
        .where(a.customer_id == customer_id, o.deleted_at.is_(None))
        .order_by(o.placed_at.desc())
        .limit(_LATEST)
    )
    messages = (
        select(m.id, m.campaign, m.state, m.reason, m.planned_at, m.sent_at)
        .where(m.customer_id == customer_id)
        .order_by(m.id.desc())
        .limit(_LATEST)
    )
    facts = select(*f.__table__.columns).where(f.customer_id == customer_id)  # type: ignore[attr-defined]
    with store.read() as reading:
        row = reading.execute(facts).mappings().first()
        return CustomerCard(
            customer_id,
            tuple(AccountCard(*found) for found in reading.execute(accounts)),
            {key: value for key, value in (row or {}).items() if key not in _BOOKS},
            tuple(OrderCard(*found) for found in reading.execute(orders)),
            explain(store, "customer", str(customer_id)),
            tuple(MessageCard(*found) for found in reading.execute(messages)),
        )
