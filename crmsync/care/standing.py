"""The standing flags of customers that a campaign has not answered yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import BigInteger, Row, Select, and_, case, cast, exists, func, not_, or_, select
from sqlalchemy import Connection as Transaction

from crmsync.care import reason
from crmsync.config import Campaign
from crmsync.sdk.rule import Level
from crmsync.store import Store
from crmsync.store.tables import Consent, Customer, Flag, Message

UNASKED = and_(Message.state == "suppressed", Message.reason == reason.NO_CONSENT)
"""Left out for want of consent: looked at again as soon as there is one."""

LATE = and_(Message.state == "expired", Message.purpose == "marketing")
"""An offer that was not sent in time: made afresh while its reason stands. An apology is not."""

_CUSTOMER_ID = case((Flag.subject == "customer", cast(Flag.subject_id, BigInteger)))


def count_standing(transaction: Transaction, campaign: Campaign) -> int:
    """How many flags this campaign answers, answered or not."""
    return transaction.scalar(_standing(campaign, func.count())) or 0


def unanswered(store: Store, campaign: Campaign, now: datetime, chunk: int) -> Iterator[Sequence[Row[Any]]]:
    """The flags without a message within the cooldown, in chunks; each with its customer's id and key."""
    consented_since = exists().where(
        Consent.connection_id == Message.connection_id,
        Consent.account_id == Message.account_id,
        Consent.granted,
        Consent.learned_at > Message.changed_at,
    )
    answered = exists().where(
        Message.campaign == campaign.name,
        Message.customer_id == _CUSTOMER_ID,
        Message.planned_at > now - campaign.cooldown,
        not_(or_(and_(UNASKED, consented_since), LATE)),
    )
    query = (
        _standing(
            campaign, Flag.id, Flag.level, Flag.raised_at, _CUSTOMER_ID.label("customer_id"), Customer.key
        )
        .outerjoin(Customer, Customer.id == _CUSTOMER_ID)
        .where(~answered)
        .order_by(Flag.id)
    )
    with store.read() as transaction:
        streamed = transaction.execution_options(yield_per=chunk)
        yield from streamed.execute(query).partitions()


def _standing(campaign: Campaign, *columns: Any) -> Select[Any]:
    query = select(*columns).where(
        Flag.rule == campaign.when, Flag.subject == "customer", Flag.cleared_at.is_(None)
    )
    if campaign.level is not None:
        levels = get_args(Level)
        query = query.where(Flag.level.in_(levels[levels.index(campaign.level) :]))
    return query
