"""Whom a campaign's trigger gives a reason to write to, as far as no message has answered it yet.

An occasion is a customer and a time: since when a flag stands, when it was raised, when a case came to a
stage, the day of an order. Those that last come round again after each cooldown; all others are over once
they are older than a message of the campaign may get.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, get_args

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)
from sqlalchemy import Connection as Transaction
from sqlalchemy.orm import aliased

from crmsync.care import reason
from crmsync.care.calendar import birthdays_on, last_turn, same_day_in_earlier_years, today
from crmsync.config import Campaign
from crmsync.sdk.rule import Level
from crmsync.store import Store
from crmsync.store.tables import (
    EPOCH,
    Account,
    Case,
    CaseEvent,
    Connection,
    Consent,
    Customer,
    CustomerFact,
    Flag,
    Instant,
    Message,
    Order,
    SegmentMember,
)

NOT_ASKED = (reason.NO_CONSENT, reason.UNCONFIRMED)


def not_asked(why: Any) -> ColumnElement[bool]:
    """Whether this reason is one of them. An IN has as many parameters as values, and a statement that is
    executed for many rows can have none such."""
    return or_(*(why == one for one in NOT_ASKED))


UNASKED = and_(Message.state == "suppressed", not_asked(Message.reason))
"""Left out for want of consent: looked at again as soon as there is one."""

LATE = and_(Message.state == "expired", Message.purpose == "marketing")
"""An offer that was not sent in time: made afresh while its reason stands. An apology is not."""

OUTRANKED = and_(Message.state == "suppressed", Message.reason == reason.OUTRANKED)
"""Made way for a campaign of higher priority: planned again when the customer's limit allows."""

OPEN = or_(UNASKED, LATE, OUTRANKED)
"""What a later plan may still turn into a message."""

_MOVES = ("opened", "advanced", "reopened", "closed")
"""What brings a case to another stage."""

_CUSTOMER_ID = case((Flag.subject == "customer", cast(Flag.subject_id, BigInteger)))


def count_occasions(transaction: Transaction, campaign: Campaign, now: datetime) -> int:
    """How many customers the campaign has a reason to write to, answered or not."""
    found = _occasions(transaction, campaign, now).subquery()
    return transaction.scalar(select(func.count()).select_from(found)) or 0


def unanswered(store: Store, campaign: Campaign, now: datetime, chunk: int) -> Iterator[Sequence[Row[Any]]]:
    """The occasions without a message within the cooldown, in chunks: `customer_id`, the customer's
    `key`, `at`, and `level`, `state` and `flag_id` of the flag (empty and 0 without one); of a case its
    type is the `state`."""
    with store.read() as transaction:
        found = _occasions(transaction, campaign, now).subquery()
        consented_since = exists().where(
            Consent.connection_id == Message.connection_id,
            Consent.account_id == Message.account_id,
            Consent.granted,
            Consent.learned_at > Message.changed_at,
        )
        answered = exists().where(
            Message.campaign == campaign.name,
            Message.customer_id == found.c.customer_id,
            Message.step == 0,
            Message.planned_at > now - campaign.cooldown,
            not_(or_(and_(UNASKED, consented_since), LATE, OUTRANKED)),
        )
        query = (
            select(found, Customer.key)
            .outerjoin(Customer, Customer.id == found.c.customer_id)
            .where(~answered)
            .order_by(found.c.customer_id)
        )
        streamed = transaction.execution_options(yield_per=chunk)
        yield from streamed.execute(query).partitions()


def _occasions(transaction: Transaction, campaign: Campaign, now: datetime) -> Any:
    found = _reasons(transaction, campaign, now)
    if campaign.segment is None:
        return found
    every = found.subquery()
    member = exists().where(
        SegmentMember.segment == campaign.segment,
        SegmentMember.customer_id == every.c.customer_id,
        SegmentMember.left_at.is_(None),
    )
    return select(every).where(member)


def _reasons(transaction: Transaction, campaign: Campaign, now: datetime) -> Any:
    trigger = campaign.when
    if trigger.case is not None:
        return _cases(campaign, now)
    if trigger.date in ("anniversary", "birthday"):
        return _yearly(transaction, campaign, now)
    if trigger.date == "delivery":
        return _deliveries(campaign, now)
    if trigger.date is not None:
        column = CustomerFact.last_order_at if trigger.date == "last_order" else CustomerFact.first_order_at
        return _select(CustomerFact.customer_id, column).where(_recent(column, campaign, now))
    if trigger.schedule is not None:
        return _at_turn(campaign, now)
    return _flags(campaign, now) if trigger.flag is not None else _members(campaign, now)


def _select(customer_id: Any, at: Any) -> Select[Any]:
    return select(
        customer_id.label("customer_id"),
        at.label("at"),
        literal("").label("level"),
        literal("").label("state"),
        literal(0).label("flag_id"),
    )


def _recent(at: Any, campaign: Campaign, now: datetime) -> ColumnElement[bool]:
    due = now - campaign.when.after
    return and_(at <= due, at > due - campaign.expires)


def _of_flags(campaign: Campaign, at: Any) -> Select[Any]:
    query = select(
        _CUSTOMER_ID.label("customer_id"),
        at.label("at"),
        Flag.level,
        func.coalesce(Flag.state, "").label("state"),
        Flag.id.label("flag_id"),  # type: ignore[union-attr]
    ).where(Flag.rule == campaign.when.flag, Flag.subject == "customer")
    if campaign.level is not None:
        levels = get_args(Level)
        query = query.where(Flag.level.in_(levels[levels.index(campaign.level) :]))
    if campaign.state is not None:
        query = query.where(Flag.state == campaign.state)
    return query


def _flags(campaign: Campaign, now: datetime) -> Select[Any]:
    match campaign.when.change:
        case "raised":
            query = _of_flags(campaign, Flag.raised_at).where(_recent(Flag.raised_at, campaign, now))
        case "changed":
            query = _of_flags(campaign, Flag.changed_at).where(
                _recent(Flag.changed_at, campaign, now), Flag.changed_at > Flag.raised_at
            )
        case "cleared":
            later = aliased(Flag)
            again = exists().where(
                later.rule == Flag.rule,
                later.subject == Flag.subject,
                later.subject_id == Flag.subject_id,
                later.id > Flag.id,
            )
            return _of_flags(campaign, Flag.cleared_at).where(_recent(Flag.cleared_at, campaign, now), ~again)
        case _:
            query = _of_flags(campaign, Flag.raised_at).where(Flag.raised_at <= now - campaign.when.after)
    return query.where(Flag.cleared_at.is_(None))


def _members(campaign: Campaign, now: datetime) -> Select[Any]:
    stay = SegmentMember
    trigger = campaign.when
    if trigger.change == "left":
        later = aliased(SegmentMember)
        again = exists().where(
            later.segment == stay.segment, later.customer_id == stay.customer_id, later.id > stay.id
        )
        return _select(stay.customer_id, stay.left_at).where(
            stay.segment == trigger.segment, _recent(stay.left_at, campaign, now), ~again
        )
    since = stay.entered_at <= now - trigger.after
    if trigger.change == "entered":
        since = _recent(stay.entered_at, campaign, now)
    return _select(stay.customer_id, stay.entered_at).where(
        stay.segment == trigger.segment, stay.left_at.is_(None), since
    )


def latest_cases(stage: str) -> Select[Any]:
    """Of every customer the case that came to this stage last and is still there: `customer_id`, `at`,
    `type`, `order_id`."""
    at = func.max(CaseEvent.at, type_=Instant)
    arrived = (
        select(Case.id, Case.customer_id, Case.type, Case.order_id, at.label("at"))
        .join(CaseEvent, CaseEvent.case_id == Case.id)
        .where(Case.stage == stage, CaseEvent.stage == stage, CaseEvent.what.in_(_MOVES))
        .group_by(Case.id, Case.customer_id, Case.type, Case.order_id)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=arrived.c.customer_id, order_by=(arrived.c.at.desc(), arrived.c.id.desc())
    )
    ranked = select(arrived, place.label("place")).subquery()
    return select(ranked.c.customer_id, ranked.c.at, ranked.c.type, ranked.c.order_id).where(
        ranked.c.place == 1
    )


def _cases(campaign: Campaign, now: datetime) -> Select[Any]:
    assert campaign.when.case is not None
    latest = latest_cases(campaign.when.case).subquery()
    query = select(
        latest.c.customer_id,
        latest.c.at,
        literal("").label("level"),
        latest.c.type.label("state"),
        literal(0).label("flag_id"),
    ).where(_recent(latest.c.at, campaign, now))
    return query if campaign.state is None else query.where(latest.c.type == campaign.state)


def _at_turn(campaign: Campaign, now: datetime) -> Select[Any]:
    assert campaign.when.schedule is not None
    turn = last_turn(campaign.when.schedule, now - campaign.when.after, campaign.expires)
    at = literal(turn, Instant)
    if campaign.when.segment is not None:
        query = _select(SegmentMember.customer_id, at).where(
            SegmentMember.segment == campaign.when.segment, SegmentMember.left_at.is_(None)
        )
        return query.where(SegmentMember.entered_at <= turn if turn is not None else false())
    query = _of_flags(campaign, at).where(Flag.cleared_at.is_(None))
    return query.where(Flag.raised_at <= turn if turn is not None else false())


def _deliveries(campaign: Campaign, now: datetime) -> Select[Any]:
    return (
        _select(Account.customer_id, func.max(Order.delivered_at, type_=Instant))
        .join(
            Order,
            and_(Order.connection_id == Account.connection_id, Order.account_id == Account.external_id),
        )
        .where(
            _recent(Order.delivered_at, campaign, now),
            Order.status != "cancelled",
            Order.deleted_at.is_(None),
        )
        .group_by(Account.customer_id)
    )


def _yearly(transaction: Transaction, campaign: Campaign, now: datetime) -> Any:
    """Those who have an anniversary or a birthday. Days are the shop's; the day has to have begun in each
    shop."""
    zones = transaction.scalars(select(Connection.zone).distinct()).all()
    trigger = campaign.when
    first = today(zones, now - trigger.after + trigger.before)
    days = [first - timedelta(days=back) for back in range(max(1, campaign.expires.days))]
    on = _anniversary if trigger.date == "anniversary" else _birthday
    return union_all(*(on(day) for day in days))


def _anniversary(day: date) -> Select[Any]:
    since = [(earlier - EPOCH.date()).days for earlier in same_day_in_earlier_years(day)]
    return _select(CustomerFact.customer_id, _begin(day)).where(CustomerFact.first_day.in_(since))


def _birthday(day: date) -> Select[Any]:
    # Several accounts of one customer may know it.
    born = _select(Account.customer_id, _begin(day)).distinct()
    return born.where(Account.birthday.in_(birthdays_on(day)), Account.deleted_at.is_(None))  # type: ignore[union-attr]


def _begin(day: date) -> ColumnElement[Any]:
    return literal(datetime.combine(day, time(), EPOCH.tzinfo), Instant)
