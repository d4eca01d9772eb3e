"""What there is to say of messages: the counts that add up, and the list a person decides from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import get_args

from sqlalchemy import func, select

from crmsync.store import Store
from crmsync.store.tables import Account, Connection, Delivery, Message, MessageState


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every message ever planned, by state: `planned == states.total()`. `oldest_due` is since when
    the longest waiting due message is due."""

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
