"""Who is due for the next step of a campaign: derived from the messages before it, so that it can be asked
at any time and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, Select, and_, exists, func, literal, select
from sqlalchemy.orm import aliased

from crmsync.config import Campaign, Limits
from crmsync.store import Store
from crmsync.store.tables import Account, Customer, Flag, Message, Order


def count_due(transaction: Transaction, campaign: Campaign, step: int, limits: Limits, now: datetime) -> int:
    """How many customers are due for this step."""
    due = _due(campaign, step, limits, now).subquery()
    return transaction.scalar(select(func.count()).select_from(due)) or 0


def due(
    store: Store, campaign: Campaign, step: int, limits: Limits, now: datetime, chunk: int
) -> Iterator[Sequence[Row[Any]]]:
    """Who is due for this step, in chunks: what an occasion has, and of the journey so far its key
    `journey`, the account it goes to, and the `coupon_code` that was issued last."""
    with store.read() as transaction:
        streamed = transaction.execution_options(yield_per=chunk)
        yield from streamed.execute(_due(campaign, step, limits, now).order_by("customer_id")).partitions()


def _due(campaign: Campaign, step: int, limits: Limits, now: datetime) -> Select[Any]:
    """The step before was carried out long enough ago, and not so long that this one comes too late: as
    late as a message may get, and as long as the customer's limit can hold it up."""
    this = campaign.journey[step]
    done, begun, followed = aliased(Message), aliased(Message), aliased(Message)
    latest = now - this.wait
    query = (
        select(
            done.customer_id,
            begun.planned_at.label("at"),
            done.level,
            literal("").label("state"),
            done.flag_id,
            Customer.key,
            done.journey,
            done.connection_id,
            done.account_id,
            _coupon_code(done),
        )
        .join(begun, begun.key == done.journey)
        .join(Customer, Customer.id == done.customer_id)
        .where(
            done.campaign == campaign.name,
            done.step == step - 1,
            done.state == "sent",
            done.sent_at <= latest,
            done.sent_at > latest - campaign.expires - limits.period,
            ~exists().where(
                followed.campaign == campaign.name,
                followed.customer_id == done.customer_id,
                followed.journey == done.journey,
                followed.step == step,
            ),
        )
    )
    if "bought" in this.stop_if:
        query = query.where(
            ~exists().where(
                Account.customer_id == done.customer_id,
                Order.connection_id == Account.connection_id,
                Order.account_id == Account.external_id,
                Order.placed_at > begun.planned_at,
                Order.status.not_in(("pending", "cancelled")),
                Order.deleted_at.is_(None),
            )
        )
    if "cleared" in this.stop_if:
        query = query.where(exists().where(and_(Flag.id == done.flag_id, Flag.cleared_at.is_(None))))
    return query


def _coupon_code(done: Any) -> Any:
    issued = aliased(Message)
    return (
        select(issued.reference)
        .where(
            issued.campaign == done.campaign,
            issued.customer_id == done.customer_id,
            issued.journey == done.journey,
            issued.action == "issue_coupon",
            issued.state == "sent",
        )
        .order_by(issued.step.desc())
        .limit(1)
        .scalar_subquery()
        .label("coupon_code")
    )
