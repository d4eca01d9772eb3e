"""The outbox: a message is claimed, an attempt is written down before it leaves, its end after.

Each step is one transaction. What a crash leaves between them tells how far it came: a claimed
message that is not doubtful never left; a doubtful one may have arrived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, bindparam, delete, insert, not_, or_, select, tuple_, update

from crmsync.care import reason
from crmsync.care.addressee import ACCOUNT_COLUMNS
from crmsync.insight import message_sent
from crmsync.sdk import Receipt
from crmsync.sdk.message import Idempotency
from crmsync.store import Store
from crmsync.store.membership import one_of
from crmsync.store.prepared import Prepared
from crmsync.store.tables import (
    Account,
    Connection,
    Delivery,
    DeliveryOutcome,
    Flag,
    Message,
    MessageState,
    Order,
)

LEASE = timedelta(minutes=5)
LOOKUP_GRACE = timedelta(seconds=30)
"""How long after an attempt a platform is asked what became of it: it may still be at work on it."""

Lane = tuple[str, str]
"""A channel and a connection: what fails or is paused together."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in our hands; `account` is None when it is gone. `rule` raised the flag it answers."""

    message: dict[str, Any]
    connection: str
    account: Row[Any] | None
    rule: str | None = None

    @property
    def person(self) -> int:
        """The customer the account belongs to now."""
        return int(self.account.customer_id if self.account is not None else self.message["customer_id"])

    @property
    def id(self) -> int:
        return int(self.message["id"])

    @property
    def lane(self) -> Lane:
        return self.message["channel"], self.connection

    @property
    def doubtful(self) -> bool:
        return bool(self.message["doubtful"])


def expire(store: Store, now: datetime) -> int:
    """Drop what was not sent in time; what may have been sent is left to a person. Returns how many."""
    late = update(Message).where(
        Message.state.in_(("awaiting_approval", "queued", "failed")), Message.expires_at <= now
    )
    dropped = late.where(not_(Message.doubtful)).values(
        state="expired", reason=reason.EXPIRED, changed_at=now
    )
    doubtful = late.where(Message.doubtful).values(
        state="unknown", reason=reason.MAY_HAVE_ARRIVED, changed_at=now
    )
    with store.write() as transaction:
        transaction.execute(doubtful)
        return transaction.execute(dropped).rowcount


def claim(
    store: Store,
    campaigns: Collection[str],
    channels: Collection[str],
    paused: Collection[Lane],
    now: datetime,
    batch: int,
) -> list[Claimed]:
    """Take up to `batch` due messages, the longest due first; nobody else gets them before the lease ends."""
    due = (
        select(Message.id)
        .join(Connection, Connection.id == Message.connection_id)
        .where(
            Message.state.in_(("queued", "failed")),
            Message.next_attempt_at <= now,
            Message.campaign.in_(list(campaigns)),
            Message.channel.in_(list(channels)),
        )
        .order_by(Message.next_attempt_at, Message.id)
        .limit(batch)
        .with_for_update(skip_locked=True, of=Message)
    )
    if paused:
        due = due.where(tuple_(Message.channel, Connection.name).not_in(list(paused)))
    taken = (
        update(Message)
        .where(Message.id.in_(due.scalar_subquery()))
        .values(state="claimed", fence=Message.fence + 1, lease_until=now + LEASE, changed_at=now)
        .returning(Message.id)
    )
    with store.write() as transaction:
        ids = transaction.scalars(taken).all()
        return _load(transaction, ids)


def begin(
    transaction: Transaction, items: Sequence[Claimed], idempotency: Idempotency, now: datetime
) -> set[int]:
    """Write down that attempts are about to leave. Returns the ids of those that are: the others are no
    longer ours."""
    met = _BEGIN(
        transaction,
        [
            {"its_id": item.id, "its_fence": item.message["fence"], "now": now, "lease": now + LEASE}
            for item in items
        ],
    )
    ours = [item for item, found in zip(items, met, strict=True) if found]
    _ATTEMPT(
        transaction,
        [
            {
                "message_id": item.id,
                "fence": item.message["fence"],
                "idempotency": idempotency,
                "started_at": now,
                "reason": "",
            }
            for item in ours
        ],
    )
    return {item.id for item in ours}


def take_back(transaction: Transaction, items: Sequence[Claimed], now: datetime) -> None:
    """These attempts, though begun, never left: the messages go back to the queue as they were."""
    for item in items:
        transaction.execute(
            delete(Delivery).where(Delivery.message_id == item.id, Delivery.fence == item.message["fence"])
        )
        put(
            transaction,
            item.message,
            "queued",
            now,
            doubtful=item.doubtful,
            attempted_at=item.message["attempted_at"],
        )


def put(
    transaction: Transaction, message: Mapping[str, Any], state: MessageState, now: datetime, **values: Any
) -> bool:
    """Give up the claim and leave the message in this state. False when it was no longer ours."""
    return bool(
        transaction.execute(
            _ours(message).values(state=state, lease_until=None, changed_at=now, **values)
        ).rowcount
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended, and the state it leaves its message in. `attempt` is the fence under which it
    began, where that was an earlier claim."""

    item: Claimed
    state: MessageState
    outcome: DeliveryOutcome
    at: datetime
    why: str = ""
    receipt: Receipt | None = None
    doubtful: bool = False
    attempts: int | None = None
    next_attempt_at: datetime | None = None
    attempt: int | None = None

    @property
    def may_have_arrived(self) -> bool:
        return self.doubtful or self.state in ("sent", "unknown")


def finish(transaction: Transaction, ended: Sequence[Ended]) -> set[int]:
    """Record how attempts ended. An attempt is kept in any case; the message only where it is still ours:
    returns the ids of those."""
    references = [end.receipt.reference if end.receipt else None for end in ended]
    _END(
        transaction,
        [
            {
                "its_id": end.item.id,
                "its_attempt": end.item.message["fence"] if end.attempt is None else end.attempt,
                "now": end.at,
                "its_outcome": end.outcome,
                "why": end.why,
                "its_reference": reference,
            }
            for end, reference in zip(ended, references, strict=True)
        ],
    )
    met = _LEAVE(
        transaction,
        [
            {
                "its_id": end.item.id,
                "its_fence": end.item.message["fence"],
                "now": end.at,
                "its_state": end.state,
                "why": end.why,
                "is_doubtful": end.doubtful,
                "tried": end.item.message["attempts"] if end.attempts is None else end.attempts,
                "again_at": end.next_attempt_at or end.item.message["next_attempt_at"],
                "was_sent_at": (end.receipt.at or end.at) if end.receipt else None,
                "its_reference": reference,
            }
            for end, reference in zip(ended, references, strict=True)
        ],
    )
    ours = [end for end, found in zip(ended, met, strict=True) if found]
    message_sent(transaction, *(end.item.id for end in ours if end.receipt))
    return {end.item.id for end in ours}


def settle(transaction: Transaction, message: Mapping[str, Any]) -> None:
    """The platform says that no earlier attempt arrived."""
    transaction.execute(_ours(message).values(doubtful=False))


def release(store: Store, messages: Iterable[Mapping[str, Any]], now: datetime) -> int:
    """Put claimed messages back in the queue, untouched."""
    waiting = list(messages)
    if not waiting:
        return 0
    with store.write() as transaction:
        return sum(put(transaction, message, "queued", now) for message in waiting)


def hold_lane(store: Store, lane: Lane, until: datetime) -> None:
    """Nothing more goes out here before then."""
    channel, connection = lane
    connection_id = select(Connection.id).where(Connection.name == connection).scalar_subquery()
    with store.write() as transaction:
        transaction.execute(
            update(Message)
            .where(
                Message.channel == channel,
                Message.connection_id == connection_id,
                Message.state.in_(("queued", "failed", "claimed")),
                Message.next_attempt_at < until,
            )
            .values(next_attempt_at=until)
        )


@dataclass(frozen=True, slots=True)
class Recovered:
    """What became of messages whose process is gone: `queued` never left; `doubtful` are settled by
    their key or a lookup when they are due; `unknown` wait for a person."""

    queued: int = 0
    doubtful: int = 0
    unknown: int = 0


def recover(store: Store, *, now: datetime, alone: bool = True) -> Recovered:
    """Settle what a crash left claimed; nothing is sent here. `alone`: no other process can be at work
    on this database, so that every claim is an orphan's; else only those whose lease has ended."""
    orphans = select(Message.id).where(Message.state == "claimed").with_for_update(skip_locked=True)
    if not alone:
        orphans = orphans.where(or_(Message.lease_until.is_(None), Message.lease_until <= now))
    queued = doubtful = unknown = 0
    with store.write() as transaction:
        for claimed in _load(transaction, transaction.scalars(orphans).all()):
            message = claimed.message
            if not claimed.doubtful:
                queued += put(transaction, message, "queued", now)
                continue
            transaction.execute(
                update(Delivery)
                .where(Delivery.message_id == message["id"], Delivery.ended_at.is_(None))
                .values(ended_at=now, outcome="unconfirmed", reason=reason.MAY_HAVE_ARRIVED)
            )
            promise, _ = last_attempt(transaction, claimed.id)
            if promise == "none":
                unknown += put(transaction, message, "unknown", now, reason=reason.MAY_HAVE_ARRIVED)
            else:
                at = max(message["next_attempt_at"], message["attempted_at"] + grace(promise))
                doubtful += put(transaction, message, "queued", now, next_attempt_at=at)
    return Recovered(queued, doubtful, unknown)


def last_attempt(transaction: Transaction, message_id: int) -> tuple[Idempotency, int | None]:
    """What the channel promised of a repeated key when this message was last attempted, and the fence of
    that attempt."""
    query = (
        select(Delivery.idempotency, Delivery.fence)
        .where(Delivery.message_id == message_id)
        .order_by(Delivery.fence.desc())
        .limit(1)
    )
    found = transaction.execute(query).first()
    return (found.idempotency, found.fence) if found else ("none", None)


_ITS_OWN = (
    Message.id == bindparam("its_id"),
    Message.fence == bindparam("its_fence"),
    Message.state == "claimed",
)
_BEGIN = Prepared(
    update(Message)
    .where(*_ITS_OWN)
    .values(
        doubtful=True,
        attempted_at=bindparam("now"),
        lease_until=bindparam("lease"),
        changed_at=bindparam("now"),
    )
)
_ATTEMPT = Prepared(
    insert(Delivery).values(
        {name: bindparam(name) for name in ("message_id", "fence", "idempotency", "started_at", "reason")}
    )
)
_LEAVE = Prepared(
    update(Message)
    .where(*_ITS_OWN)
    .values(
        state=bindparam("its_state"),
        reason=bindparam("why"),
        doubtful=bindparam("is_doubtful"),
        attempts=bindparam("tried"),
        next_attempt_at=bindparam("again_at"),
        sent_at=bindparam("was_sent_at"),
        reference=bindparam("its_reference"),
        lease_until=None,
        changed_at=bindparam("now"),
    )
)
_END = Prepared(
    update(Delivery)
    .where(Delivery.message_id == bindparam("its_id"), Delivery.fence == bindparam("its_attempt"))
    .values(
        ended_at=bindparam("now"),
        outcome=bindparam("its_outcome"),
        reason=bindparam("why"),
        reference=bindparam("its_reference"),
    )
)


def grace(idempotency: Idempotency) -> timedelta:
    """How long to wait before settling a doubtful attempt."""
    return LOOKUP_GRACE if idempotency == "lookup" else timedelta()


def _ours(message: Mapping[str, Any]) -> Any:
    return update(Message).where(
        Message.id == message["id"], Message.fence == message["fence"], Message.state == "claimed"
    )


def _load(transaction: Transaction, ids: Collection[int | None]) -> list[Claimed]:
    if not ids:
        return []
    rows = transaction.execute(
        select(
            Message.__table__,  # type: ignore[attr-defined]
            Connection.name.label("connection_name"),
            Flag.rule.label("rule"),
            Order.placed_at.label("ordered_at"),
            Order.delivered_at,
        )
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(
            Order,
            (Order.connection_id == Message.connection_id) & (Order.external_id == Message.order_id),
        )
        .outerjoin(Flag, Flag.id == Message.flag_id)
        .where(one_of(Message.id, ids))
        .order_by(Message.next_attempt_at, Message.id)
    ).all()
    accounts = {
        (a.connection_id, a.external_id): a
        for a in transaction.execute(
            select(*ACCOUNT_COLUMNS)
            .join(Connection, Connection.id == Account.connection_id)
            .where(
                one_of(Account.connection_id, {r.connection_id for r in rows}),
                one_of(Account.external_id, {r.account_id for r in rows}),
                Account.deleted_at.is_(None),
            )
        )
    }
    return [
        Claimed(
            row._asdict(), row.connection_name, accounts.get((row.connection_id, row.account_id)), row.rule
        )
        for row in rows
    ]
