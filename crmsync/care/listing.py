"""What there is to say of messages: the counts that add up, and the list a person decides from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from sqlalchemy import ColumnElement, String, and_, cast, exists, func, literal, not_, select

from crmsync.sdk import mark
from crmsync.store import Store
from crmsync.store.tables import Account, Audit, Connection, Delivery, Message, MessageState


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every message ever planned, by state: `planned == states.total()`. `oldest_due` is since when
    the longest waiting due message is due. See `ledger_faults` for the proof."""

    planned: int
    states: Counter[str]
    campaigns: dict[str, Counter[str]]
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom a message goes to, in clear: only for who asks for it by name."""

    account_id: str
    name: str | None
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message as a person sees it. `text` (subject, body) and `contact` only where asked for."""

    id: int
    campaign: str
    state: MessageState
    reason: str
    held: str | None
    channel: str
    connection: str
    customer_id: int
    level: str
    language: str
    template: str
    attempts: int
    planned_at: datetime
    next_attempt_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    text: tuple[str, str] | None = field(default=None, repr=False)
    contact: Contact | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a message; without an end it is under way."""

    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str
    reference: str | None


def ledger(store: Store, now: datetime | None = None) -> Ledger:
    """The counts of all messages; with `now`, also how long the longest due one waits."""
    states: Counter[str] = Counter(dict.fromkeys(get_args(MessageState), 0))
    campaigns: dict[str, Counter[str]] = {}
    with store.read() as transaction:
        rows = transaction.execute(
            select(Message.campaign, Message.state, func.count()).group_by(Message.campaign, Message.state)
        )
        for campaign, state, count in rows:
            states[state] += count
            campaigns.setdefault(campaign, Counter())[state] += count
        planned = transaction.scalar(select(func.count()).select_from(Message)) or 0
        oldest = None
        if now is not None:
            oldest = transaction.scalar(
                select(func.min(Message.next_attempt_at)).where(
                    Message.state.in_(("queued", "failed")), Message.next_attempt_at <= now
                )
            )
    return Ledger(planned, states, campaigns, oldest)


def list_messages(
    store: Store,
    *,
    states: Iterable[MessageState] = (),
    campaign: str | None = None,
    ids: Iterable[int] = (),
    limit: int = 50,
    text: bool = False,
    contact: bool = False,
) -> list[ListedMessage]:
    """The latest messages first. `text` shows what they say and `contact` whom they go to."""
    query = (
        select(
            *Message.__table__.columns,  # type: ignore[attr-defined]
            Connection.name.label("connection"),
            Account.name.label("person"),
            Account.email,
            Account.phone,
        )
        .join(Connection, Connection.id == Message.connection_id)
        .outerjoin(
            Account,
            (Account.connection_id == Message.connection_id) & (Account.external_id == Message.account_id),
        )
        .order_by(Message.id.desc())
        .limit(limit)
    )
    if wanted := list(states):
        query = query.where(Message.state.in_(wanted))
    if campaign is not None:
        query = query.where(Message.campaign == campaign)
    if chosen := list(ids):
        query = query.where(Message.id.in_(chosen))
    with store.read() as transaction:
        return [
            ListedMessage(
                id=row.id,
                campaign=row.campaign,
                state=row.state,
                reason=row.reason,
                held=row.held,
                channel=row.channel,
                connection=row.connection,
                customer_id=row.customer_id,
                level=row.level,
                language=row.language,
                template=row.template,
                attempts=row.attempts,
                planned_at=row.planned_at,
                next_attempt_at=row.next_attempt_at,
                expires_at=row.expires_at,
                sent_at=row.sent_at,
                text=(row.subject, row.body) if text else None,
                contact=Contact(row.account_id, row.person, row.email, row.phone) if contact else None,
            )
            for row in transaction.execute(query)
        ]


def attempts(store: Store, message_id: int) -> list[Attempt]:
    """Every attempt to deliver a message, the first one first."""
    query = (
        select(Delivery.started_at, Delivery.ended_at, Delivery.outcome, Delivery.reason, Delivery.reference)
        .where(Delivery.message_id == message_id)
        .order_by(Delivery.fence)
    )
    with store.read() as transaction:
        return [Attempt(*row) for row in transaction.execute(query)]


_STATES = get_args(MessageState)
_FAULTS: dict[str, ColumnElement[bool]] = {
    mark("in no known state"): Message.state.not_in(_STATES),
    mark("sent, but no attempt of it ended well and no person said so"): and_(
        Message.state == "sent",
        not_(exists().where(Delivery.message_id == Message.id, Delivery.outcome == "sent")),
        not_(
            exists().where(
                Audit.action == "resolve",
                Audit.detail == "sent",
                Audit.object == literal("message ") + cast(Message.id, String),
            )
        ),
    ),
    mark("sent, and still in doubt"): and_(Message.state == "sent", Message.doubtful),
    mark("not sent by its state, though an attempt ended well"): and_(
        Message.state != "sent",
        exists().where(Delivery.message_id == Message.id, Delivery.outcome == "sent"),
    ),
    mark("in doubt without an attempt"): and_(
        Message.doubtful, not_(exists().where(Delivery.message_id == Message.id))
    ),
    mark("claimed without a lease"): and_(Message.state == "claimed", Message.lease_until.is_(None)),
    mark("an attempt under way that nobody holds"): and_(
        Message.state != "claimed",
        exists().where(Delivery.message_id == Message.id, Delivery.ended_at.is_(None)),
    ),
    mark("suppressed, expired or cancelled, though it may have arrived"): and_(
        Message.state.in_(("suppressed", "expired", "cancelled", "dead")), Message.doubtful
    ),
}


def ledger_faults(store: Store) -> dict[str, int]:
    """How many messages contradict their own attempts, by what is wrong; empty when the ledger is exact.

    That each message is in exactly one state is what a column gives; this proves that the state is the
    one its attempts, and the decisions of people, lead to.
    """
    with store.read() as transaction:
        counts = {
            what: transaction.scalar(select(func.count()).select_from(Message).where(wrong)) or 0
            for what, wrong in _FAULTS.items()
        }
    return {what: count for what, count in counts.items() if count}
