"""All that is stored about a person, for themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy import Connection as Transaction
from sqlmodel import SQLModel

from crmsync.care.person import Told, accounts_of, same_person
from crmsync.rules.reasons import load_reasons
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.store.address import AddressKind, hashed
from crmsync.store.audit import audit
from crmsync.store.keyring import Keyring
from crmsync.sync.quarantine import payloads_where

_INTERNAL = frozenset(
    {"digest", "refresh_id", "fence", "key", "key_id", "value", "lease_until", "seal", "signature"}
    | {"email_index", "phone_index", "scored_id"}
)
"""Columns that say nothing of the person: what the program needs to keep its books."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Export:
    """Everything about a person. `sections` are lists of rows, under the name of what they are; amounts are
    minor units of their row's currency."""

    customers: tuple[int, ...]
    exported_at: datetime
    sections: Mapping[str, Rows]


def export_customer(
    store: Store, keyring: Keyring, customer_id: int, *, actor: str, language: str, now: datetime
) -> Export:
    """Read all of a person, over every customer that is provably them. Written into the audit."""
    with store.read() as transaction:
        customers = same_person(transaction, customer_id)
        sections = _sections(transaction, keyring, customers, language)
    with store.write() as transaction:
        for customer in customers:
            audit(transaction, now, actor, "export_customer", f"customer {customer}")
    return Export(tuple(customers), now, sections)


def _sections(
    transaction: Transaction, keyring: Keyring, customers: Collection[int], language: str
) -> dict[str, Rows]:
    read = _Reader(transaction)
    accounts = accounts_of(transaction, customers)
    keys = [(a.connection_id, a.external_id) for a in accounts]
    subjects = [str(customer) for customer in customers]
    orders = read(t.Order, tuple_(t.Order.connection_id, t.Order.account_id).in_(keys))
    own_orders = [(read.ids[o["connection"]], o["external_id"]) for o in orders]
    told = Told.of(accounts)

    def theirs(table: Any) -> ColumnElement[bool]:
        by_account = tuple_(table.connection_id, table.account_id).in_(keys)
        by_order = tuple_(table.connection_id, table.order_id).in_(own_orders) & table.account_id.is_(None)
        return by_account | by_order

    flags = read(t.Flag, (t.Flag.subject == "customer") & t.Flag.subject_id.in_(subjects))
    steps = read(t.FlagEvent, (t.FlagEvent.subject == "customer") & t.FlagEvent.subject_id.in_(subjects))
    for row in (*flags, *steps):
        row["reasons"] = [reason.told.text(language) for reason in load_reasons(row["reasons"])]
    messages = read(t.Message, t.Message.customer_id.in_(customers))
    cases = read(t.Case, t.Case.customer_id.in_(customers))
    payloads = payloads_where(transaction, told.theirs({id for _, id in own_orders}))
    return {
        "accounts": read(t.Account, t.Account.customer_id.in_(customers)),
        "orders": orders,
        "order_lines": read(
            t.OrderLine, tuple_(t.OrderLine.connection_id, t.OrderLine.order_id).in_(own_orders)
        ),
        "refunds": read(t.Refund, theirs(t.Refund)),
        "reviews": read(t.Review, theirs(t.Review)),
        "conversations": read(t.Conversation, theirs(t.Conversation)),
        "consents": read(t.Consent, tuple_(t.Consent.connection_id, t.Consent.account_id).in_(keys)),
        "suppressions": read(t.Suppression, t.Suppression.value.in_(_hashes(keyring, accounts))),
        "facts": read(t.CustomerFact, t.CustomerFact.customer_id.in_(customers)),
        "other_currencies": read(t.CustomerSpend, t.CustomerSpend.customer_id.in_(customers)),
        "flags": flags,
        "flag_history": steps,
        "segments": read(t.SegmentMember, t.SegmentMember.customer_id.in_(customers)),
        "campaign_arms": read(t.Assignment, t.Assignment.customer_id.in_(customers)),
        "messages": messages,
        "deliveries": read(t.Delivery, t.Delivery.message_id.in_([m["id"] for m in messages])),
        "cases": cases,
        "case_steps": read(t.CaseEvent, t.CaseEvent.case_id.in_([c["id"] for c in cases])),
        "quarantined": [{"id": id, "payload": payload} for id, payload in payloads],
        "audit": read(t.Audit, t.Audit.object.in_([f"customer {customer}" for customer in customers])),
    }


def _hashes(keyring: Keyring, accounts: Iterable[Any]) -> list[str]:
    addresses: list[tuple[AddressKind, str | None]] = []
    for a in accounts:
        addresses += [
            ("account", f"{a.connection}:{a.external_id}"),
            ("email", a.email),
            ("phone", a.phone),
        ]
    return [digest for kind, value in addresses if value for digest in hashed(keyring, kind, value)]


class _Reader:
    """Reads rows of a table as they are told to a person: with the connection's name, without our books."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        names = transaction.execute(select(t.Connection.id, t.Connection.name))
        self._names: dict[int, str] = dict(row for row in names)
        self.ids = {name: id for id, name in self._names.items()}

    def __call__(self, table: type[SQLModel], which: ColumnElement[bool]) -> Rows:
        columns = [c for c in table.__table__.columns if c.name not in _INTERNAL]  # type: ignore[attr-defined]
        key = list(table.__table__.primary_key)  # type: ignore[attr-defined]
        return [
            self._told(row._asdict())
            for row in self._transaction.execute(select(*columns).where(which).order_by(*key))
        ]

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        if (id := row.pop("connection_id", None)) is None:
            return row
        return {"connection": self._names[id], **row}
