"""What an erased person leaves in each table, and how it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import and_, case, insert, not_, or_, select, tuple_, update

from crmsync.care import reason as why
from crmsync.care.person import PersonsAccount, Told, addresses, contains, proved
from crmsync.store import Store
from crmsync.store.address import hashed, normal
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account, Case, CaseEvent, Delivery, Message, Order, Tombstone
from crmsync.store.upsert import upsert
from crmsync.store.vault import row_of, vault_of
from crmsync.sync.erased import account_hashes, keyed, pseudonym
from crmsync.sync.pseudonym import Named
from crmsync.sync.quarantine import payloads_where, withhold


def without_anothers(account: PersonsAccount, holders: Sequence[PersonsAccount]) -> PersonsAccount:
    """The account without an address that it has not proved and another has: that is the other's."""
    emails, phones = addresses(map(proved, holders))
    if account.email and not account.email_verified and contains("email", emails, account.email):
        account = account._replace(email=None)
    if account.phone and not account.phone_verified and contains("phone", phones, account.phone):
        account = account._replace(phone=None)
    return account


def withhold_payloads(
    transaction: Transaction,
    keyring: Keyring,
    told: Told,
    accounts: Sequence[PersonsAccount],
    counts: Counter[str],
) -> None:
    """Keep no quarantined payload that names the person or one of their orders."""
    if not accounts:
        return
    own = tuple_(Order.connection_id, Order.account_id).in_(
        [(a.connection_id, a.external_id) for a in accounts]
    )
    orders = set(transaction.scalars(select(Order.external_id).where(own)))
    found = payloads_where(transaction, told.theirs(orders))
    withhold(transaction, [id for id, _ in found], keyring)
    counts["quarantined"] = len(found)


def bury(
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


def silence_messages(
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


def forget_addresses(
    transaction: Transaction, keyring: Keyring, told: Told, others: Sequence[PersonsAccount]
) -> None:
    """Another's account that has one of the addresses without proof keeps all but that: nobody is ever
    written to there."""
    for other in others:
        values: dict[str, Any] = {}
        if other.email and not other.email_verified and normal("email", other.email) in told.emails:
            values |= {"email": None, "email_index": None}
        if other.phone and not other.phone_verified and normal("phone", other.phone) in told.phones:
            values |= {"phone": None, "phone_index": None}
        if not values:
            continue
        pad = vault_of(transaction).pad(other.key_id, row_of(other.connection_id, other.external_id))
        values |= {"digest": keyed(keyring, other.digest ^ pad) ^ pad}
        transaction.execute(
            update(Account)
            .where(Account.connection_id == other.connection_id, Account.external_id == other.external_id)
            .values(**values)
        )


def close_cases(
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
