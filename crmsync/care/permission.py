"""Who may be written to: consent as customers gave it, and the list of addresses nobody writes to.

Consent belongs to an account: what a customer granted on one platform says nothing of another. A
marketing message needs it; a service message needs only that it was not refused. The latest
statement counts, of two at the same time the refusal.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection as Transaction
from sqlalchemy import select

from crmsync.care import reason
from crmsync.care.audit import audit
from crmsync.care.upsert import upsert
from crmsync.sdk import UsageError
from crmsync.sdk.records import Medium, Purpose
from crmsync.store import Store
from crmsync.store.tables import Account, Connection, Consent, Suppression

AddressKind = Literal["account", "email", "phone"]


@dataclass(frozen=True, slots=True)
class Addressed:
    """An account and the addresses by which it may be suppressed. `shop` is its connection's name."""

    connection_id: int
    account_id: str
    shop: str
    email: str | None
    phone: str | None

    def addresses(self) -> Iterable[tuple[str, str]]:
        yield "account", f"{self.shop}:{self.account_id}"
        if self.email:
            yield "email", normal("email", self.email)
        if self.phone:
            yield "phone", normal("phone", self.phone)


def normal(kind: AddressKind, value: str) -> str:
    """The form in which an address is compared: e-mail in lower case, a phone as its digits."""
    if kind == "email":
        return value.strip().lower()
    if kind == "phone":
        return "".join(c for c in value if c.isdigit())
    return value.strip()


def refusals(
    transaction: Transaction, accounts: Sequence[Addressed], medium: Medium, purpose: Purpose
) -> dict[tuple[int, str], str]:
    """Why each of these accounts must not be written to; an account that may be is left out."""
    found = {}
    suppressed = _suppressed(transaction, accounts, medium)
    consents = _consents(transaction, accounts, medium, purpose)
    for account in accounts:
        key = (account.connection_id, account.account_id)
        granted = consents.get(key)
        if not suppressed.isdisjoint(account.addresses()):
            found[key] = reason.SUPPRESSED
        elif granted is False:
            found[key] = reason.REFUSED
        elif granted is None and purpose == "marketing":
            found[key] = reason.NO_CONSENT
    return found


def _suppressed(
    transaction: Transaction, accounts: Sequence[Addressed], medium: Medium
) -> set[tuple[str, str]]:
    by_kind: dict[str, set[str]] = defaultdict(set)
    for account in accounts:
        for kind, value in account.addresses():
            by_kind[kind].add(value)
    found: set[tuple[str, str]] = set()
    for kind, values in by_kind.items():
        query = select(Suppression.value).where(Suppression.kind == kind, Suppression.value.in_(values))
        if medium != "any":
            query = query.where(Suppression.medium.in_((medium, "any")))
        found.update((kind, value) for value in transaction.scalars(query))
    return found


def _consents(
    transaction: Transaction, accounts: Sequence[Addressed], medium: Medium, purpose: Purpose
) -> dict[tuple[int, str], bool]:
    latest: dict[tuple[int, str], tuple[datetime, bool]] = {}
    statements = transaction.execute(
        select(Consent.connection_id, Consent.account_id, Consent.medium, Consent.granted, Consent.at).where(
            Consent.connection_id.in_({a.connection_id for a in accounts}),
            Consent.account_id.in_({a.account_id for a in accounts}),
            Consent.purpose == purpose,
        )
    )
    for connection_id, account_id, stated, granted, at in statements:
        # Who refuses one medium is not reached by a channel that may use any.
        if stated in (medium, "any") or (medium == "any" and not granted):
            key = (connection_id, account_id)
            # False sorts before True, so `not granted` lets a refusal win a tie.
            latest[key] = max(latest.get(key, (at, not granted)), (at, not granted))
    return {key: not refused for key, (_, refused) in latest.items()}


def suppress(
    store: Store,
    kind: AddressKind,
    value: str,
    *,
    why: str,
    actor: str,
    now: datetime,
    medium: Medium = "any",
) -> bool:
    """Put an address on the list; an account's value is `connection name:external id`. It holds for
    messages that are already queued. Returns whether it is new there."""
    row = {"kind": kind, "value": normal(kind, value), "medium": medium, "reason": why, "at": now}
    if not row["value"]:
        raise UsageError(f"There is no {kind} to suppress.", fix="Give the address.")
    with store.write() as transaction:
        insert = upsert(store, Suppression, row).on_conflict_do_nothing()
        ids = transaction.scalars(insert.returning(Suppression.id)).all()
        for id in ids:
            # The address itself stays out of the audit: it is contact data.
            audit(transaction, now, actor, "suppress", f"suppression {id}", f"{kind}, {medium}")
    return bool(ids)


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
        known = transaction.execute(
            select(Account.connection_id, Account.customer_id)
            .join(Connection, Connection.id == Account.connection_id)
            .where(Connection.name == connection, Account.external_id == account_id)
        ).first()
        if known is None:
            raise UsageError(
                f"{connection} has no such account.", fix="Look it up with: crmsync customers show."
            )
        for purpose in purposes:
            statement: dict[str, Any] = {
                "connection_id": known.connection_id,
                "account_id": account_id,
                "medium": medium,
                "purpose": purpose,
                "granted": False,
                "at": now,
                "source": f"by hand: {actor}",
                "learned_at": now,
            }
            transaction.execute(upsert(store, Consent, statement).on_conflict_do_nothing())
            audit(transaction, now, actor, "withdraw_consent", f"customer {known.customer_id}", purpose)
