"""How much has gone out already: per campaign, rule and day, and per customer and purpose.

What counts is every message that was sent or may have been, the one under way included.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, bindparam, func, not_, or_, select, update
from sqlalchemy import Connection as Transaction

from crmsync.care.hours import day_of
from crmsync.care.reason import OUTRANKED
from crmsync.config import Limits
from crmsync.sdk.records import Purpose
from crmsync.store.membership import one_of
from crmsync.store.tables import Account, Connection, Flag, Message

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
            one_of(Message.customer_id, customers),
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
            one_of(Message.customer_id, full), Message.purpose == "marketing", _can_make_way(outranked)
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


# Made once: for one message, making a query costs more than asking it.
_WRITTEN = (
    select(Account.customer_id, Message.attempted_at)
    .join(
        Message,
        (Message.connection_id == Account.connection_id) & (Message.account_id == Account.external_id),
    )
    .where(
        one_of(Account.customer_id, "customers"),
        Message.purpose == bindparam("purpose"),
        Message.attempted_at > bindparam("since"),
        _OUT,
        not_(one_of(Message.id, "messages")),
    )
    .order_by(Message.attempted_at.desc())
)


class Frequency:
    """How often these customers were written to for a purpose, as read in one transaction.

    A customer is whoever their accounts belong to now: what one account got before two customers turned
    out to be one person counts for that person.
    """

    def __init__(
        self,
        transaction: Transaction,
        customers: Collection[int],
        messages: Collection[int],
        purpose: Purpose,
        limits: Limits,
        now: datetime,
    ) -> None:
        """`messages` are about to be sent, and do not count yet."""
        marketing = purpose == "marketing"
        self._limit = limits.per_customer if marketing else limits.service_per_customer
        self._period = limits.period if marketing else limits.service_period
        self._times: dict[int, list[datetime]] = defaultdict(list)
        asked = {
            "customers": list(customers),
            "messages": list(messages),
            "purpose": purpose,
            "since": now - self._period,
        }
        for customer, at in transaction.execute(_WRITTEN, asked):
            self._times[customer].append(at)

    def free_at(self, customer: int, now: datetime, tried: datetime | None = None) -> datetime | None:
        """When this customer may get a message, or None when they may now. One that was `tried` and may have
        arrived takes up no second place: it may be repeated where the others leave room for it."""
        if self._limit <= 0:
            return now + self._period
        times = self._times[customer]
        if tried in times:
            times = [*times]
            times.remove(tried)
        if len(times) < self._limit:
            return None
        free = times[self._limit - 1] + self._period
        return free if free > now else None

    def has(self, tried: datetime | None, now: datetime) -> bool:
        """Whether an attempt that may have arrived counts already."""
        return tried is not None and tried > now - self._period

    def count(self, customer: int, now: datetime) -> None:
        """One more goes out to them now."""
        self._times[customer].insert(0, now)


class DailyCaps:
    """How much each campaign, and each rule, has sent today, for one pass of delivery.

    Counting again for every message would cost the more the more has been sent. So each is counted once
    and every message let through is added; only when that sum reaches the cap is it counted again,
    because not all that was let through need have left.
    """

    def __init__(self) -> None:
        self._batch: Collection[int] = ()
        self._new: Counter[tuple[str, str]] = Counter()
        self._at_most: dict[tuple[str, str], int] = {}
        self._day: tuple[datetime, datetime] = (datetime.max.replace(tzinfo=UTC),) * 2

    def check(self, messages: Collection[int]) -> None:
        """These messages are looked at now; none of them counts until it is let through."""
        self._batch = messages
        self._new.clear()

    def campaign_free_at(
        self, transaction: Transaction, campaign: str, cap: int, now: datetime
    ) -> datetime | None:
        """When this campaign may send again after reaching its cap, or None when it may now."""
        return self._free_at(transaction, ("campaign", campaign), cap, now)

    def rule_free_at(self, transaction: Transaction, rule: str, cap: int, now: datetime) -> datetime | None:
        """The same for all that answers flags of a rule."""
        return self._free_at(transaction, ("rule", rule), cap, now)

    def has(self, transaction: Transaction, tried: datetime | None, now: datetime) -> bool:
        """Whether an attempt that may have arrived counts today already."""
        return tried is not None and tried >= self._today(transaction, now)[0]

    def count(self, campaign: str, rule: str | None) -> None:
        """One more is let through."""
        for name in (("campaign", campaign), ("rule", rule or "")):
            self._new[name] += 1
            if name in self._at_most:
                self._at_most[name] += 1

    def _free_at(
        self, transaction: Transaction, name: tuple[str, str], cap: int, now: datetime
    ) -> datetime | None:
        start, end = self._today(transaction, now)
        let_through = self._at_most.get(name, cap)
        if let_through >= cap:
            let_through = _sent_since(transaction, name, start, self._batch) + self._new[name]
            self._at_most[name] = let_through
        return end if let_through >= cap else None

    def _today(self, transaction: Transaction, now: datetime) -> tuple[datetime, datetime]:
        """From when to when caps count; a new day, or a clock that was set back, counts afresh."""
        start, end = self._day
        if not start <= now < end:
            zones = transaction.scalars(select(Connection.zone).distinct()).all()
            self._day = day_of(zones or [None], now)
            self._at_most.clear()
        return self._day


def _sent_since(
    transaction: Transaction, name: tuple[str, str], start: datetime, messages: Collection[int]
) -> int:
    kind, value = name
    of_rule = Message.flag_id.in_(select(Flag.id).where(Flag.rule == value))
    which = Message.campaign == value if kind == "campaign" else of_rule
    out = and_(which, Message.attempted_at >= start, _OUT, Message.id.not_in(messages))
    return transaction.scalar(select(func.count()).where(out)) or 0
