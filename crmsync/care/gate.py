"""The last check before a message leaves, in the transaction in which its attempt begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row

from crmsync.care import reason
from crmsync.care.addressee import addressed
from crmsync.care.hours import quiet_until
from crmsync.care.limit import DailyCaps, customer_free_at
from crmsync.care.outbox import Claimed
from crmsync.care.permission import refusals
from crmsync.config import Campaign, Limits
from crmsync.store.tables import MessageState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message does not leave now, and the state it is left in; queued ones may leave at `until`."""

    state: MessageState
    why: str
    until: datetime | None = None


def refusal(
    transaction: Transaction,
    item: Claimed,
    account: Row[Any],
    campaign: Campaign,
    limits: Limits,
    caps: DailyCaps,
    now: datetime,
) -> Refusal | None:
    """Expiry, consent, suppression, quiet hours and caps as they stand now; None lets it go."""
    message = item.message
    if message["expires_at"] <= now:
        return Refusal("expired", reason.EXPIRED)
    refused = refusals(transaction, [addressed(account)], message["medium"], message["purpose"])
    if refused:
        (why,) = refused.values()
        return Refusal("suppressed", why)
    if until := quiet_until(campaign.quiet_hours, account.zone, now):
        return Refusal("queued", reason.QUIET_HOURS, until)
    if until := caps.free_at(transaction, campaign.name, campaign.daily_cap, now, item.id):
        return Refusal("queued", reason.DAILY_CAP, until)
    if message["purpose"] == "marketing" and (
        until := customer_free_at(
            transaction, message["customer_id"], limits.per_customer, limits.period, now, item.id
        )
    ):
        return Refusal("queued", reason.CUSTOMER_LIMIT, until)
    return None
