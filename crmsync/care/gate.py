"""The last check before messages leave, in the transaction in which their attempts begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row

from crmsync.care import reason
from crmsync.care.addressee import addressed
from crmsync.care.hours import holiday_until, quiet_until, zone_of_person
from crmsync.care.limit import DailyCaps, Frequency
from crmsync.care.outbox import Claimed
from crmsync.care.permission import Terms, refusals
from crmsync.config import Campaign, Limits
from crmsync.store.tables import MessageState


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message does not leave now, and the state it is left in; queued ones may leave at `until`."""

    state: MessageState
    why: str
    until: datetime | None = None


class Gate:
    """Expiry, permission, quiet hours, holidays and caps as they stand, for one pass of delivery."""

    def __init__(self, terms: Terms, campaigns: Mapping[str, Campaign], limits: Limits) -> None:
        self._terms = terms
        self._campaigns = campaigns
        self._limits = limits
        self._caps = DailyCaps()

    def refusals(
        self, transaction: Transaction, items: Sequence[Claimed], now: datetime
    ) -> dict[int, Refusal]:
        """Why some of these messages must not leave; those let through are left out and count from now
        on. All have an account. The same as asking one by one, in this order."""
        # One that may have arrived counts already, and takes up no second place when it is tried again.
        ids = [item.id for item in items if not item.doubtful]
        forbidden = self._forbidden(transaction, items)
        frequencies = self._frequencies(transaction, items, ids, now)
        self._caps.check(ids)
        refused = {}
        for item in items:
            found = (
                self._ended(item, now)
                or forbidden.get(item.id)
                or self._out_of_hours(item, now)
                or self._capped(transaction, item, now)
                or self._too_often(item, frequencies)
            )
            if found is not None:
                refused[item.id] = found
                continue
            if not self._caps.has(transaction, _tried(item), now):
                self._caps.count(item.message["campaign"], item.rule)
            frequency = frequencies[item.message["purpose"]]
            if not frequency.has(_tried(item)):
                frequency.count(item.person)
        return refused

    def still_open(self, item: Claimed, now: datetime) -> bool:
        """Whether a message that was let through a moment ago may leave at this moment too."""
        return self._ended(item, now) is None and self._out_of_hours(item, now) is None

    def _ended(self, item: Claimed, now: datetime) -> Refusal | None:
        return Refusal("expired", reason.EXPIRED) if item.message["expires_at"] <= now else None

    def _forbidden(self, transaction: Transaction, items: Sequence[Claimed]) -> dict[int, Refusal]:
        alike: dict[tuple[Any, Any], list[Claimed]] = defaultdict(list)
        for item in items:
            alike[item.message["medium"], item.message["purpose"]].append(item)
        found = {}
        for (medium, purpose), some in alike.items():
            accounts = {item.id: addressed(_account(item)) for item in some}
            refused = refusals(transaction, list(accounts.values()), medium, purpose, self._terms)
            for id, account in accounts.items():
                if why := refused.get(account.key):
                    found[id] = Refusal("suppressed", why)
        return found

    def _out_of_hours(self, item: Claimed, now: datetime) -> Refusal | None:
        campaign, account = self._campaigns[item.message["campaign"]], _account(item)
        zone = zone_of_person(account.own_zone, account.country, account.zone, now)
        if until := quiet_until(campaign.quiet_hours, zone, now):
            return Refusal("queued", reason.QUIET_HOURS, until)
        if not campaign.on_holidays and (until := holiday_until(self._limits.holidays.values(), zone, now)):
            return Refusal("queued", reason.HOLIDAY, until)
        return None

    def _capped(self, transaction: Transaction, item: Claimed, now: datetime) -> Refusal | None:
        if self._caps.has(transaction, _tried(item), now):
            return None
        campaign = self._campaigns[item.message["campaign"]]
        if until := self._caps.campaign_free_at(transaction, campaign.name, campaign.daily_cap, now):
            return Refusal("queued", reason.DAILY_CAP, until)
        cap = self._limits.per_rule.get(item.rule or "")
        if cap is not None and (until := self._caps.rule_free_at(transaction, item.rule or "", cap, now)):
            return Refusal("queued", reason.RULE_CAP, until)
        return None

    def _frequencies(
        self, transaction: Transaction, items: Sequence[Claimed], ids: Collection[int], now: datetime
    ) -> dict[str, Frequency]:
        people: dict[Any, set[int]] = defaultdict(set)
        for item in items:
            people[item.message["purpose"]].add(item.person)
        return {
            purpose: Frequency(transaction, customers, ids, purpose, self._limits, now)
            for purpose, customers in people.items()
        }

    def _too_often(self, item: Claimed, frequencies: Mapping[str, Frequency]) -> Refusal | None:
        frequency = frequencies[item.message["purpose"]]
        until = None if frequency.has(_tried(item)) else frequency.free_at(item.person)
        return Refusal("queued", reason.CUSTOMER_LIMIT, until) if until else None


def _tried(item: Claimed) -> datetime | None:
    """When a message left that may have arrived."""
    at: datetime | None = item.message["attempted_at"] if item.doubtful else None
    return at


def _account(item: Claimed) -> Row[Any]:
    assert item.account is not None
    return item.account
