"""A customer is erased: the person goes, the orders stay, and no sync brings them back.

One transaction takes out all that tells who they are. What was deleted may still stand in free space of the
database's files until those are cleaned (`crmsync.store.cleaning`); `erasure.files_at` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection as Transaction
from sqlalchemy import delete, not_, select, update

from crmsync.care import reason as why
from crmsync.care.address import Addressed
from crmsync.care.person import PersonsAccount, Told, accounts_of, addresses, holders_of, same_person
from crmsync.care.suppression import suppress_person
from crmsync.care.traces import (
    bury,
    close_cases,
    forget_addresses,
    silence_messages,
    withhold_payloads,
    without_anothers,
)
from crmsync.rules.flags import forget_customers
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.audit import audit
from crmsync.store.keyring import Keyring
from crmsync.store.tables import (
    Customer,
    CustomerFact,
    CustomerSpend,
    Erasure,
    Message,
    SegmentMember,
    Tombstone,
    to_instant,
)
from crmsync.store.upsert import upsert
from crmsync.sync.erased import account_hashes, erasures, pseudonym
from crmsync.sync.pseudonym import pseudonymise


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased, or would be, and how much that touched.

    `customers` are several where a proved address says that they are one person; `others` have an address in
    common with them, which one of them has not proved. `counts`: `cancelled` messages will not be sent,
    `on their way` are those whose attempt has begun: they end as they do, and are never sent again;
    `addresses` are new on the list nobody writes to.
    """

    customers: tuple[int, ...]
    others: tuple[int, ...]
    counts: dict[str, int]


class _Undone(Exception):
    """The transaction of a dry run ends here."""


def erase(
    store: Store,
    keyring: Keyring,
    customer_id: int,
    *,
    actor: str,
    now: datetime,
    reason: str = "",
    dry_run: bool = False,
) -> Erased:
    """Erase a person for good, with all customers that are provably them. Erasing again finds nothing more.

    Raises UsageError when there is no such customer, or the reason itself tells who they are; and ConfigError
    when earlier erasures were made under a key that is not configured.
    """
    try:
        with store.write(alone=True) as transaction:
            done = _erase(store, transaction, keyring, customer_id, actor, now, reason)
            if dry_run:
                raise _Undone
    except _Undone:
        pass
    return done


def recognise(store: Store, keyring: Keyring, connection_scope: str, account_id: str) -> int | None:
    """The customer whom this account was of before they were erased."""
    query = select(Tombstone.customer_id).where(
        Tombstone.value.in_(account_hashes(keyring, connection_scope, account_id))
    )
    with store.read() as transaction:
        return transaction.scalar(query)


def unfinished(store: Store) -> list[int]:
    """The customers to be erased again: an account of theirs was recognised by sync, or the files are not
    clean yet and something may have been written while they were erased."""
    with store.read() as transaction:
        return list(
            transaction.scalars(
                select(Erasure.customer_id).where(Erasure.files_at.is_(None)).order_by(Erasure.customer_id)
            )
        )


def in_flight(store: Store, customers: Collection[int]) -> set[int]:
    """Those of these customers who have a message on its way."""
    query = select(Message.customer_id).where(
        Message.customer_id.in_(list(customers)), Message.state == "claimed"
    )
    with store.read() as transaction:
        return set(transaction.scalars(query))


def files_cleaned(store: Store, customers: Collection[int], now: datetime) -> None:
    """Note that the files hold no trace of these customers any more."""
    with store.write() as transaction:
        transaction.execute(
            update(Erasure).where(Erasure.customer_id.in_(list(customers))).values(files_at=now)
        )


def _erase(
    store: Store,
    transaction: Transaction,
    keyring: Keyring,
    customer_id: int,
    actor: str,
    now: datetime,
    reason: str,
) -> Erased:
    if transaction.scalar(select(Customer.id).where(Customer.id == customer_id)) is None:
        raise UsageError(f"There is no customer {customer_id}.", fix="Look it up with: crmsync flags.")
    erasures(transaction, keyring)
    customers = same_person(transaction, customer_id)
    accounts = accounts_of(transaction, customers)
    holders = [
        holder
        for holder in holders_of(transaction, *addresses(accounts))
        if holder.customer_id not in customers
    ]
    accounts = [without_anothers(account, holders) for account in accounts]
    told = Told.of(accounts)
    if told.in_text(reason):
        raise UsageError(
            "The reason tells who they are, and is kept for ever.", fix="Say it without names and addresses."
        )
    present = [account for account in accounts if not _is_pseudonym(account)]
    counts = Counter[str](accounts=len(present))
    withhold_payloads(transaction, keyring, told, present, counts)
    addressed = [Addressed(a.connection_id, a.external_id, a.connection, a.email, a.phone) for a in present]
    counts["addresses"] = suppress_person(
        store, transaction, keyring, addressed, why=why.ERASED, actor=actor, now=now
    )
    named = bury(store, transaction, keyring, present, now)
    silence_messages(transaction, customers, accounts, now, counts)
    for account in named:
        rows = pseudonymise(transaction, account, keyring, to_instant(now))
        counts.update({_NOUNS[table]: count for table, count in rows.items()})
        transaction.execute(
            update(Message)
            .where(Message.connection_id == account.connection_id, Message.account_id == account.external_id)
            .values(account_id=account.alias)
        )
    forget_addresses(transaction, keyring, told, holders)
    for customer in customers:
        transaction.execute(
            update(Customer)
            .where(Customer.id == customer, not_(Customer.key.contains(pseudonym(""))))
            .values(key=f"{pseudonym('')}{customer}")
        )
    close_cases(transaction, customers, actor, now, counts)
    counts["flags"] = forget_customers(transaction, customers, now)
    for table in (CustomerFact, CustomerSpend, SegmentMember):
        transaction.execute(delete(table).where(table.customer_id.in_(customers)))  # type: ignore[attr-defined]
    rows = [{"customer_id": customer, "at": now, "files_at": None} for customer in customers]
    again = upsert(store, Erasure, rows).on_conflict_do_update(
        index_elements=["customer_id"], set_={"files_at": None}
    )
    transaction.execute(again)
    if present:
        numbers = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()) if count)
        detail = "; ".join(part for part in (reason, numbers) if part)
        for customer in customers:
            audit(transaction, now, actor, "erase_customer", f"customer {customer}", detail)
    others = tuple(sorted({holder.customer_id for holder in holders}))
    return Erased(tuple(customers), others, {what: count for what, count in counts.items() if count})


_NOUNS = {
    "order": "orders",
    "refund": "refunds",
    "review": "reviews",
    "conversation": "conversations",
}


def _is_pseudonym(account: PersonsAccount) -> bool:
    return account.erased_at is not None and account.external_id.startswith(pseudonym(""))
