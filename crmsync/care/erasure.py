"""A customer is erased: the person goes, the orders stay, and no sync brings them back.

One transaction takes out all that tells who they are. What was deleted may still stand in free space of the
database's files until those are cleaned (`crmsync.store.cleaning`); `erasure.files_at` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import and_, case, delete, insert, not_, or_, select, tuple_, update

from crmsync.care import reason as why
from crmsync.care.address import Addressed
from crmsync.care.person import (
    PersonsAccount,
    Told,
    accounts_of,
    addresses,
    contains,
    holders_of,
    proved,
    same_person,
)
from crmsync.care.suppression import suppress_person
from crmsync.care.upsert import upsert
from crmsync.rules.flags import forget_customers
from crmsync.sdk import UsageError
from crmsync.store import Store
from crmsync.store.address import hashed, normal
from crmsync.store.audit import audit
from crmsync.store.keyring import Keyring
from crmsync.store.lock import erase_alone
from crmsync.store.tables import (
    Account,
    Case,
    CaseEvent,
    Customer,
    CustomerFact,
    CustomerSpend,
    Delivery,
    Erasure,
    Message,
    Order,
    SegmentMember,
    Tombstone,
    to_instant,
)
from crmsync.sync.erased import account_hashes, erasures, keyed, pseudonym
from crmsync.sync.pseudonym import Named, pseudonymise
from crmsync.sync.quarantine import payloads_where, withhold


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
        with store.write() as transaction:
            erase_alone(transaction)
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
    accounts = [_without_anothers(account, holders) for account in accounts]
    told = Told.of(accounts)
    if told.in_text(reason):
        raise UsageError(
            "The reason tells who they are, and is kept for ever.", fix="Say it without names and addresses."
        )
    present = [account for account in accounts if not _is_pseudonym(account)]
    counts = Counter[str](accounts=len(present))
    _withdraw_payloads(transaction, keyring, told, present, counts)
    addressed = [Addressed(a.connection_id, a.external_id, a.connection, a.email, a.phone) for a in present]
    counts["addresses"] = suppress_person(
        store, transaction, keyring, addressed, why=why.ERASED, actor=actor, now=now
    )
    named = _bury(store, transaction, keyring, present, now)
    _messages(transaction, customers, accounts, now, counts)
    for account in named:
        rows = pseudonymise(transaction, account, keyring, to_instant(now))
        counts.update({_NOUNS[table]: count for table, count in rows.items()})
        transaction.execute(
            update(Message)
            .where(Message.connection_id == account.connection_id, Message.account_id == account.external_id)
            .values(account_id=account.alias)
        )
    _forget_addresses(transaction, keyring, told, holders)
    for customer in customers:
        transaction.execute(
            update(Customer)
            .where(Customer.id == customer, not_(Customer.key.contains(pseudonym(""))))
            .values(key=f"{pseudonym('')}{customer}")
        )
    _cases(transaction, customers, actor, now, counts)
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


def _without_anothers(account: PersonsAccount, holders: Sequence[PersonsAccount]) -> PersonsAccount:
    """The account without an address that it has not proved and another has: that is the other's."""
    emails, phones = addresses(map(proved, holders))
    if account.email and not account.email_verified and contains("email", emails, account.email):
        account = account._replace(email=None)
    if account.phone and not account.phone_verified and contains("phone", phones, account.phone):
        account = account._replace(phone=None)
    return account


def _withdraw_payloads(
    transaction: Transaction,
    keyring: Keyring,
    told: Told,
    accounts: Sequence[PersonsAccount],
    counts: Counter[str],
) -> None:
    if not accounts:
        return
    own = tuple_(Order.connection_id, Order.account_id).in_(
        [(a.connection_id, a.external_id) for a in accounts]
    )
    orders = set(transaction.scalars(select(Order.external_id).where(own)))
    found = payloads_where(transaction, told.theirs(orders))
    withhold(transaction, [id for id, _ in found], keyring)
    counts["quarantined"] = len(found)


def _bury(
    store: Store,
    transaction: Transaction,
    keyring: Keyring,
    accounts: Sequence[PersonsAccount],
    now: datetime,
) -> list[Named]:
    """Keep the hashes by which the person is recognised when a platform tells of them again; the accounts
    with the pseudonyms that come of them."""
    rows: dict[str, dict[str, Any]] = {}
    named = []
    for account in accounts:
        own = account_hashes(keyring, account.scope, account.external_id)
        # Another connection of the same platform may have had it, under an earlier key.
        known = transaction.scalar(select(Tombstone.value).where(Tombstone.value.in_(own)))
        named.append(
            Named(
                account.connection_id,
                account.scope,
                account.external_id,
                pseudonym(known or own[0]),
            )
        )
        hashes = [("account", known or own[0], True)]
        if account.email:
            hashes.append(("email", hashed(keyring, "email", account.email)[0], account.email_verified))
        if account.phone and normal("phone", account.phone):
            hashes.append(("phone", hashed(keyring, "phone", account.phone)[0], account.phone_verified))
        for kind, value, known_theirs in hashes:
            rows[value] = {
                "value": value,
                "kind": kind,
                "key_id": keyring.current.id,
                "proved": known_theirs or rows.get(value, {}).get("proved", False),
                "customer_id": account.customer_id,
                "at": now,
            }
    if rows:
        insertion = upsert(store, Tombstone, list(rows.values()))
        transaction.execute(
            insertion.on_conflict_do_update(
                index_elements=["value"], set_={"proved": or_(Tombstone.proved, insertion.excluded.proved)}
            )
        )
    return named


def _messages(
    transaction: Transaction,
    customers: Sequence[int],
    accounts: Sequence[PersonsAccount],
    now: datetime,
    counts: Counter[str],
) -> None:
    """Stop what has not left, and keep of every message that it was, but not what it said."""
    m = Message
    keys = [(a.connection_id, a.external_id) for a in accounts]
    theirs = or_(m.customer_id.in_(customers), tuple_(m.connection_id, m.account_id).in_(keys))
    waiting = and_(theirs, m.state.in_(("awaiting_approval", "queued", "failed", "claimed")))
    counts["cancelled"] = transaction.execute(
        update(m)
        .where(waiting, not_(m.doubtful))
        .values(state="cancelled", reason=why.ERASED, held=None, lease_until=None, changed_at=now)
    ).rowcount
    counts["unknown"] = transaction.execute(
        update(m)
        .where(waiting, m.doubtful, m.state != "claimed")
        .values(state="unknown", reason=why.MAY_HAVE_ARRIVED, changed_at=now)
    ).rowcount
    counts["on their way"] = len(transaction.scalars(select(m.id).where(theirs, m.state == "claimed")).all())
    plain = case((m.reason.in_(why.EVERY), m.reason), else_="")
    ids = select(m.id).where(theirs)
    counts["messages"] = len(
        transaction.scalars(select(m.id).where(theirs, or_(m.subject != "", m.body != ""))).all()
    )
    transaction.execute(update(m).where(theirs).values(subject="", body="", reason=plain, reference=None))
    d = Delivery
    transaction.execute(
        update(d)
        .where(d.message_id.in_(ids))
        .values(reason=case((d.reason.in_(why.EVERY), d.reason), else_=""), reference=None)
    )


def _forget_addresses(
    transaction: Transaction, keyring: Keyring, told: Told, others: Sequence[PersonsAccount]
) -> None:
    """Another's account that has one of the addresses without proof keeps all but that: nobody is ever
    written to there."""
    for other in others:
        values: dict[str, Any] = {}
        if other.email and not other.email_verified and normal("email", other.email) in told.emails:
            values |= {"email": None}
        if other.phone and not other.phone_verified and normal("phone", other.phone) in told.phones:
            values |= {"phone": None}
        if not values:
            continue
        values |= {"digest": keyed(keyring, other.digest)}
        transaction.execute(
            update(Account)
            .where(Account.connection_id == other.connection_id, Account.external_id == other.external_id)
            .values(**values)
        )


def _cases(
    transaction: Transaction, customers: Sequence[int], actor: str, now: datetime, counts: Counter[str]
) -> None:
    """Close what is open, and keep of every case its steps, but no note."""
    c, event = Case, CaseEvent
    opened = transaction.scalars(
        select(c.id).where(c.customer_id.in_(customers), c.closed_at.is_(None)).order_by(c.id)
    ).all()
    transaction.execute(
        update(event)
        .where(event.case_id.in_(select(c.id).where(c.customer_id.in_(customers))))
        .values(note="")
    )
    transaction.execute(
        update(c).where(c.id.in_(opened)).values(stage="closed", due_at=None, closed_at=now, changed_at=now)
    )
    if opened:
        transaction.execute(
            insert(event),
            [
                {"case_id": id, "at": now, "actor": actor, "what": "erased", "stage": "closed", "note": ""}
                for id in opened
            ],
        )
    counts["cases closed"] = len(opened)
