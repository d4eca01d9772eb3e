"""How much has gone out already: per campaign and day, and per customer.

What counts is every message that was sent or may have been, the one under way included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, not_, or_, select, update
from sqlalchemy import Connection as Transaction

from crmsync.care.hours import day_of
from crmsync.care.reason import OUTRANKED
from crmsync.store.tables import Connection, Message

_OUT = or_(Message.state.in_(("sent", "unknown")), Message.doubtful)
_ON_ITS_WAY = Message.state.in_(("awaiting_approval", "queued", "claimed", "failed"))


def marketing_counts(
    transaction: Transaction, customers: Iterable[int], since: datetime, outranked: Collection[str] = ()
) -> Mapping[int, int]:
    """Marketing messages to each of these customers that went out since then or are on their way,
    without those of `outranked` campaigns that can still make way."""
    on_its_way = and_(_ON_ITS_WAY, not_(_can_make_way(outranked))) if outranked else _ON_ITS_WAY
    query = (
        select(Message.customer_id, func.count().label("written"))
        .where(
            Message.customer_id.in_(list(customers)),
            Message.purpose == "marketing",
            or_(and_(_OUT, Message.attempted_at > since), on_its_way),
        )
        .group_by(Message.customer_id)
    )
    return {row.customer_id: row.written for row in transaction.execute(query)}


def make_way(
    transaction: Transaction,
    customers: Iterable[int],
    limit: int,
    since: datetime,
    outranked: Mapping[str, int],
    now: datetime,
) -> int:
    """Take back what waits of outranked campaigns (each with its priority) until each of these
    customers has room for one more message. Returns how many."""
    full = {
        customer: written - limit + 1
        for customer, written in marketing_counts(transaction, customers, since).items()
        if written >= limit
    }
    if not full or not outranked:
        return 0
    waiting = transaction.execute(
        select(Message.id, Message.customer_id, Message.campaign).where(
            Message.customer_id.in_(list(full)), Message.purpose == "marketing", _can_make_way(outranked)
        )
    ).all()
    taken: list[int] = []
    used: Counter[int] = Counter()
    for row in sorted(waiting, key=lambda row: (outranked[row.campaign], -row.id)):
        if used[row.customer_id] < full[row.customer_id]:
            used[row.customer_id] += 1
            taken.append(row.id)
    return transaction.execute(
        update(Message)
        .where(Message.id.in_(taken), _can_make_way(outranked))
        .values(state="suppressed", reason=OUTRANKED, changed_at=now)
    ).rowcount


def _can_make_way(outranked: Collection[str]) -> ColumnElement[bool]:
    """What no attempt was ever made for. A later step of a journey goes on with what was begun."""
    return and_(
        Message.campaign.in_(list(outranked)),
        Message.state.in_(("awaiting_approval", "queued")),
        Message.attempted_at.is_(None),
        Message.step == 0,
    )


def customer_free_at(
    transaction: Transaction, customer: int, limit: int, period: timedelta, now: datetime, message_id: int
) -> datetime | None:
    """When this customer may get another marketing message, or None when they may now."""
    if limit <= 0:
        return now + period
    query = (
        select(Message.attempted_at)
        .where(
            Message.customer_id == customer,
            Message.purpose == "marketing",
            Message.attempted_at > now - period,
            _OUT,
            Message.id != message_id,
        )
        .order_by(Message.attempted_at.desc())
        .offset(limit - 1)
        .limit(1)
    )
    at = transaction.scalar(query)
    return at + period if at else None


class DailyCaps:
    """How much each campaign has sent today, for one pass of delivery.

    Counting again for every message would cost the more the more has been sent. So a campaign is
    counted once and every message let through is added; only when that sum reaches the cap is it
    counted again, because not all that was let through need have left.
    """

    def __init__(self) -> None:
        self._at_most: dict[tuple[str, datetime], int] = {}

    def free_at(
        self, transaction: Transaction, campaign: str, cap: int, now: datetime, message_id: int
    ) -> datetime | None:
        """When this campaign may send again after reaching its cap, or None when it may now."""
        zones = transaction.scalars(select(Connection.zone).distinct()).all()
        start, end = day_of(zones or [None], now)
        sent = self._at_most.get((campaign, start), cap)
        if sent >= cap:
            sent = _sent_since(transaction, campaign, start, message_id)
        if sent >= cap:
            return end
        self._at_most[campaign, start] = sent + 1
        return None


def _sent_since(transaction: Transaction, campaign: str, start: datetime, message_id: int) -> int:
    out: ColumnElement[bool] = and_(
        Message.campaign == campaign, Message.attempted_at >= start, _OUT, Message.id != message_id
    )
    return transaction.scalar(select(func.count()).where(out)) or 0
