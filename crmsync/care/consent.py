"""The ledger of a customer's will: who said what, when, where, and what shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, func, select

from crmsync.sdk import UsageError
from crmsync.sdk.records import Medium, Purpose
from crmsync.store import Store
from crmsync.store.audit import audit
from crmsync.store.sealing import sealed
from crmsync.store.tables import Account, Connection, Consent, Instant
from crmsync.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class Statement:
    """One entry of the ledger. `granted` False is a refusal; `confirmed` that it was said twice."""

    connection: str
    account_id: str
    medium: str
    purpose: str
    granted: bool
    confirmed: bool
    at: datetime
    source: str
    proof: str
    learned_at: datetime


def statements(store: Store, customer_id: int) -> list[Statement]:
    """All that this customer's accounts ever said, the latest last."""
    c = Consent
    query = (
        select(
            Connection.name,
            c.account_id,
            c.medium,
            c.purpose,
            c.granted,
            c.confirmed,
            c.at,
            c.source,
            c.proof,
            c.learned_at,
        )
        .join(Connection, Connection.id == c.connection_id)
        .join(Account, (Account.connection_id == c.connection_id) & (Account.external_id == c.account_id))
        .where(Account.customer_id == customer_id)
        .order_by(c.at, c.id)
    )
    with store.read() as transaction:
        return [Statement(*row) for row in transaction.execute(query)]


def withdraw_consent(
    store: Store,
    connection: str,
    account_id: str,
    *,
    actor: str,
    now: datetime,
    medium: Medium = "any",
    purposes: Sequence[Purpose] = ("marketing",),
) -> None:
    """Record that a customer said no; it holds for messages that are already queued.

    Raises UsageError when there is no such account.
    """
    with store.write() as transaction:
        known = known_account(transaction, connection, account_id)
        for purpose in purposes:
            state_will(
                store,
                transaction,
                known,
                medium,
                purpose,
                granted=False,
                now=now,
                source=f"by hand: {actor}",
            )
            audit(transaction, now, actor, "withdraw_consent", f"customer {known.customer_id}", purpose)


def known_account(transaction: Transaction, connection: str, account_id: str) -> Row[Any]:
    """The account with its customer. Raises UsageError when there is none."""
    known = transaction.execute(
        select(Account.connection_id, Account.external_id, Account.customer_id)
        .join(Connection, Connection.id == Account.connection_id)
        .where(Connection.name == connection, Account.external_id == account_id)
    ).first()
    if known is None:
        raise UsageError(f"{connection} has no such account.", fix="Look it up with: crmsync customers show.")
    return known


def state_will(
    store: Store,
    transaction: Transaction,
    account: Row[Any],
    medium: Medium,
    purpose: Purpose,
    *,
    granted: bool,
    now: datetime,
    source: str,
    proof: str = "",
    confirmed: bool = False,
) -> None:
    """Add a statement to the ledger. Made here and now, it is the latest of its purpose, even where the clock
    has been set back since the one before, or a platform's is ahead."""
    said = (
        Consent.connection_id == account.connection_id,
        Consent.account_id == account.external_id,
        Consent.purpose == purpose,
    )
    before = transaction.scalar(select(func.max(Consent.at, type_=Instant)).where(*said))
    statement = {
        "connection_id": account.connection_id,
        "account_id": account.external_id,
        "medium": medium,
        "purpose": purpose,
        "granted": granted,
        "confirmed": confirmed,
        "at": now if before is None or before <= now else before + timedelta(microseconds=1),
        "source": source,
        "proof": proof,
        "learned_at": now,
    }
    transaction.execute(
        upsert(store, Consent, sealed(store.vault, Consent, statement)).on_conflict_do_nothing()
    )
