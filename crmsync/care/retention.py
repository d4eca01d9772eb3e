"""What was kept for as long as the shop wants goes, in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_, update
from sqlalchemy import Connection as Transaction

from crmsync.config import Retention
from crmsync.store import Store
from crmsync.store.tables import (
    Account,
    Case,
    CaseEvent,
    Connection,
    Instant,
    Message,
    Order,
    Quarantine,
    Refund,
    Review,
)
from crmsync.sync.erased import WITHHELD
from crmsync.sync.keep import CONTACT

BATCH = 500

_OPEN = ("awaiting_approval", "queued", "claimed", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field that expires: whose rows, which of them, what stands there afterwards."""

    name: str
    table: Any
    expired: ColumnElement[bool]
    blank: Mapping[str, Any]


def expire(
    store: Store,
    retention: Retention,
    contact: Mapping[str, timedelta],
    *,
    now: datetime,
    dry_run: bool = False,
) -> dict[str, int]:
    """Remove what has been kept long enough; how many rows of each field. `contact` says by connection how
    long contact data are kept, where they expire. Each batch is a transaction of its own."""
    counts = Counter[str]()
    for field in _fields(store, retention, contact, now):
        last: tuple[Any, ...] | None = None
        key = tuple(field.table.__table__.primary_key)
        while keys := _next(store, field, key, last):
            counts[field.name] += len(keys)
            last = keys[-1]
            if not dry_run:
                with store.write() as transaction:
                    _blank(transaction, field, key, keys)
    if not dry_run:
        _keep_again(store, contact)
    return dict(counts)


def _fields(
    store: Store, retention: Retention, contact: Mapping[str, timedelta], now: datetime
) -> Iterator[_Field]:
    with store.read() as transaction:
        ids = {row.name: row.id for row in transaction.execute(select(Connection.name, Connection.id))}
    for name, longest in contact.items():
        if name in ids:
            yield _Field(
                "contact", Account, _contact(ids[name], now - longest), {**CONTACT, "contact_expired_at": now}
            )
    if (longest := retention.review_text) is not None:
        old = and_(Review.created_at < now - longest, or_(Review.text != "", Review.title != ""))
        yield _Field("review_text", Review, old, {"text": "", "title": ""})
    if (longest := retention.refund_reason) is not None:
        old = and_(Refund.requested_at < now - longest, Refund.reason != "")
        yield _Field("refund_reason", Refund, old, {"reason": ""})
    if (longest := retention.message_text) is not None:
        old = and_(
            Message.changed_at < now - longest,
            Message.state.not_in(_OPEN),
            or_(Message.subject != "", Message.body != ""),
        )
        yield _Field("message_text", Message, old, {"subject": "", "body": ""})
    if (longest := retention.case_notes) is not None:
        closed = select(Case.id).where(Case.closed_at < now - longest)
        old = and_(CaseEvent.note != "", CaseEvent.case_id.in_(closed))
        yield _Field("case_notes", CaseEvent, old, {"note": ""})
    if (longest := retention.quarantine_payload) is not None:
        old = and_(Quarantine.first_at < now - longest, Quarantine.payload != WITHHELD)
        yield _Field("quarantine_payload", Quarantine, old, {"payload": WITHHELD})


def _contact(connection_id: int, before: datetime) -> ColumnElement[bool]:
    """The accounts with contact data whose last order was delivered before then. Where the platform tells no
    delivery, it counts from when it was promised, else sent, else ordered."""
    a, o = Account, Order
    times = (o.delivered_at, o.cancelled_at, o.promised_at, o.shipped_at, o.placed_at)
    over = func.coalesce(*times, type_=Instant)
    last = (
        select(func.max(over, type_=Instant))
        .where(o.connection_id == a.connection_id, o.account_id == a.external_id)
        .scalar_subquery()
    )
    told = or_(*(getattr(a, column).is_not(None) for column, none in CONTACT.items() if none is None))
    return and_(
        a.connection_id == connection_id,
        a.erased_at.is_(None),
        a.contact_expired_at.is_(None),
        told,
        func.coalesce(last, a.learned_at, type_=Instant) < before,
    )


def _next(
    store: Store, field: _Field, key: tuple[Any, ...], last: tuple[Any, ...] | None
) -> list[tuple[Any, ...]]:
    """The keys of the next expired rows after `last`."""
    query = select(*key).where(field.expired).order_by(*key).limit(BATCH)
    if last is not None:
        query = query.where(tuple_(*key) > tuple_(*last))
    with store.read() as transaction:
        return [tuple(row) for row in transaction.execute(query)]


def _blank(
    transaction: Transaction, field: _Field, key: tuple[Any, ...], keys: list[tuple[Any, ...]]
) -> None:
    # Asked again: an order may have come since.
    which = tuple_(*key).in_(keys)
    transaction.execute(update(field.table).where(which, field.expired).values(dict(field.blank)))


def _keep_again(store: Store, contact: Mapping[str, timedelta]) -> None:
    """Where contact data expire no more, they are stored again when the platform next tells of them."""
    connections = select(Connection.id).where(Connection.name.not_in(list(contact)))
    with store.write() as transaction:
        transaction.execute(
            update(Account)
            .where(Account.contact_expired_at.is_not(None), Account.connection_id.in_(connections))
            .values(contact_expired_at=None, digest=0, key_id="")
        )
