"""The last check before messages leave, in the transaction in which their attempts begin."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row

from crmsync.care import reason
from crmsync.care.addressee import addressed, people_of
from crmsync.care.hours import holiday_until, quiet_until, zone_of_person
from crmsync.care.limit import DailyCaps, Frequency
from crmsync.care.outbox import Claimed
from crmsync.care.permission import Terms, refusals
from crmsync.config import Campaign, Limits
from crmsync.store.tables import MessageState
from crmsync.store.watch import Watch


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message does not leave now, and the state it is left in; queued ones may leave at `until`."""

    state: MessageState
    why: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """What was read of some messages at one time: which of them are forbidden, whose account belongs to which
    customer, and how often those were written to, by purpose."""

    ids: frozenset[int]
    at: datetime
    forbidden: Mapping[int, Refusal]
    people: Mapping[int, int]
    frequencies: Mapping[str, Frequency]


class Gate:
    """Expiry, permission, quiet hours, holidays and caps as they stand, for one pass of delivery.

    What it reads of a message it reads of those that follow too, and asks again only when anybody has
    written since: the answer is the one that the transaction itself would get.
    """

    def __init__(self, terms: Terms, campaigns: Mapping[str, Campaign], limits: Limits) -> None:
        self._terms = terms
        self._campaigns = campaigns
        self._limits = limits
        self._caps = DailyCaps()
        self._watch = Watch()
        self._facts: _Facts | None = None
        self._reach = self._undisturbed = 0

    def refusals(
        self, transaction: Transaction, items: Sequence[Claimed], now: datetime, ahead: Sequence[Claimed]
    ) -> dict[int, Refusal]:
        """Why some of these messages must not leave; those let through are left out and count from now
        on. All have an account. The same as asking one by one, in this order. `ahead` are those that
        will be asked about next."""
        facts = self._read(transaction, items, now, ahead)
        # One that may have arrived counts already, and takes up no second place when it is tried again.
        self._caps.check([item.id for item in items if not item.doubtful])
        refused = {}
        for item in items:
            person, frequency = facts.people.get(item.id), facts.frequencies[item.message["purpose"]]
            if person is None:
                refused[item.id] = Refusal("suppressed", reason.ACCOUNT_GONE)
                continue
            found = (
                self._ended(item, now)
                or facts.forbidden.get(item.id)
                or self._out_of_hours(item, now)
                or self._capped(transaction, item, now)
                or self._too_often(item, person, frequency, now)
            )
            if found is not None:
                refused[item.id] = found
                continue
            if not self._caps.has(transaction, _tried(item), now):
                self._caps.count(item.message["campaign"], item.rule)
            if not frequency.has(_tried(item), now):
                frequency.count(person, now)
        return refused

    def forget(self) -> None:
        """What was let through has not all left: it does not count."""
        self._facts = None

    def _read(
        self, transaction: Transaction, items: Sequence[Claimed], now: datetime, ahead: Sequence[Claimed]
    ) -> _Facts:
        """The facts of these as they are in this transaction."""
        if self._watch.quiet(transaction):
            self._undisturbed += len(items)
        else:
            # While others write all the time, what is read ahead is read in vain.
            self._facts, self._reach, self._undisturbed = None, self._undisturbed, 0
        facts = self._facts
        if facts is None or now < facts.at or not facts.ids.issuperset(item.id for item in items):
            facts = self._facts = self._facts_of(transaction, [*items, *ahead[: self._reach]], now)
            self._reach = 2 * self._reach + 1
        return facts

    def _facts_of(self, transaction: Transaction, items: Sequence[Claimed], now: datetime) -> _Facts:
        ids = frozenset(item.id for item in items)
        people = people_of(transaction, {item.id: addressed(_account(item)).key for item in items})
        of_purpose: dict[Any, set[int]] = defaultdict(set)
        for item in items:
            of_purpose[item.message["purpose"]] |= {people[item.id]} if item.id in people else set()
        new = [item.id for item in items if not item.doubtful]
        frequencies = {
            purpose: Frequency(transaction, customers, new, purpose, self._limits, now)
            for purpose, customers in of_purpose.items()
        }
        return _Facts(ids, now, self._forbidden(transaction, items), people, frequencies)

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
        holidays = () if campaign.on_holidays else self._limits.holidays.values()
        if not (campaign.quiet_hours or holidays):
            return None
        zone = zone_of_person(account.own_zone, account.country, account.zone, now)
        if until := quiet_until(campaign.quiet_hours, zone, now):
            return Refusal("queued", reason.QUIET_HOURS, until)
        if until := holiday_until(holidays, zone, now):
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

    def _too_often(self, item: Claimed, person: int, frequency: Frequency, now: datetime) -> Refusal | None:
        until = frequency.free_at(person, now, _tried(item))
        return Refusal("queued", reason.CUSTOMER_LIMIT, until) if until else None


def _tried(item: Claimed) -> datetime | None:
    """When a message left that may have arrived."""
    at: datetime | None = item.message["attempted_at"] if item.doubtful else None
    return at


def _account(item: Claimed) -> Row[Any]:
    assert item.account is not None
    return item.account
