"""The list of addresses nobody writes to. It knows them by keyed hashes, so it outlives every erasure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection as Transaction
from sqlalchemy import delete

from crmsync.care.address import Addressed
from crmsync.sdk import UsageError
from crmsync.sdk.records import Medium
from crmsync.store import Store
from crmsync.store.address import AddressKind, hashed, normal
from crmsync.store.audit import audit
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Suppression
from crmsync.store.upsert import upsert

SuppressedPurpose = Literal["marketing", "any"]


def suppress(
    store: Store,
    kind: AddressKind,
    value: str,
    *,
    why: str,
    actor: str,
    now: datetime,
    medium: Medium = "any",
    purpose: SuppressedPurpose = "any",
    keyring: Keyring | None = None,
) -> bool:
    """Put an address on the list; an account's value is `connection name:external id`. It holds for
    messages that are already queued. Returns whether it is new there."""
    keyring = keyring or Keyring(store)
    _require(kind, value)
    with store.write() as transaction:
        return add(
            store,
            transaction,
            keyring,
            kind,
            value,
            why=why,
            actor=actor,
            now=now,
            medium=medium,
            purpose=purpose,
        )


def unsuppress(
    store: Store, kind: AddressKind, value: str, *, actor: str, now: datetime, keyring: Keyring | None = None
) -> int:
    """Take an address off the list, by hand: whoever does it answers for it. Returns how many entries."""
    keyring = keyring or Keyring(store)
    _require(kind, value)
    with store.write() as transaction:
        taken = transaction.scalars(
            delete(Suppression)
            .where(Suppression.value.in_(hashed(keyring, kind, value)))
            .returning(Suppression.id)
        ).all()
        for id in taken:
            audit(transaction, now, actor, "unsuppress", f"suppression {id}", kind)
    return len(taken)


def suppress_person(
    store: Store,
    transaction: Transaction,
    keyring: Keyring,
    accounts: Iterable[Addressed],
    *,
    why: str,
    actor: str,
    now: datetime,
) -> int:
    """Put every address of these accounts on the list, in the transaction that erases them: a later
    sync may bring the person back, and nobody writes to them. Returns how many are new there."""
    return sum(
        add(store, transaction, keyring, kind, value, why=why, actor=actor, now=now)
        for account in accounts
        for kind, value in account.addresses()
    )


def add(
    store: Store,
    transaction: Transaction,
    keyring: Keyring,
    kind: AddressKind,
    value: str,
    *,
    why: str,
    actor: str,
    now: datetime,
    medium: Medium = "any",
    purpose: SuppressedPurpose = "any",
) -> bool:
    """One address onto the list, in a transaction at work."""
    present = hashed(keyring, kind, value)[0]
    row = {
        "kind": kind,
        "value": present,
        "key_id": keyring.current.id,
        "medium": medium,
        "purpose": purpose,
        "reason": why,
        "at": now,
    }
    entry = upsert(store, Suppression, row).on_conflict_do_nothing()
    ids = transaction.scalars(entry.returning(Suppression.id)).all()
    for id in ids:
        # The address itself stays out of the audit: it is contact data.
        audit(transaction, now, actor, "suppress", f"suppression {id}", f"{kind}, {medium}, {purpose}")
    return bool(ids)


def _require(kind: AddressKind, value: str) -> None:
    if not normal(kind, value):
        raise UsageError(f"There is no {kind} in that.", fix="Give the address.")
