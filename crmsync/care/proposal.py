"""What a campaign would do about each of its occasions: the message, or why there is none.

Nothing is written here: planning stores what is proposed, a preview shows it.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row

from crmsync.care import reason
from crmsync.care.addressee import Addressee, addressees
from crmsync.care.arm import WHY, Arms
from crmsync.care.journey import count_due, due
from crmsync.care.limit import marketing_counts
from crmsync.care.link import Links
from crmsync.care.occasion import count_occasions, unanswered
from crmsync.care.permission import Terms
from crmsync.care.route import Routes, Way
from crmsync.care.template import Template, short
from crmsync.care.text import Rendered
from crmsync.care.values import Wording
from crmsync.config import Campaign, InvalidConfig, Limits
from crmsync.sdk import Channel, ConfigError
from crmsync.store import Store
from crmsync.store.tables import Arm, to_instant

log = logging.getLogger("crmsync.care")

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to become of one occasion: a row of `message`, or `skipped` with the reason and nothing
    stored. `text` is what the customer would read, also where the row is suppressed by its arm."""

    customer_id: int
    occasion: Row[Any]
    connection: str = ""
    skipped: str = ""
    row: dict[str, Any] | None = None
    text: Rendered | None = None
    arm: Arm | None = None


@dataclass(frozen=True, slots=True)
class _Saying:
    """What a step says or does, in which words of which template; `linked` says that the text holds a
    link of the reader's own."""

    template: str
    version: str
    language: str
    text: Rendered | None
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Planning:
    """What all campaigns are planned with at one time. `language` is what a reader gets of whom none is
    known; the paths of templates start from `folder`; `terms` is what counts as permission, `links` what a
    text may carry for unsubscribing."""

    store: Store
    channels: Mapping[str, Channel[Any]]
    limits: Limits
    now: datetime
    language: str
    folder: Path
    terms: Terms
    links: Links | None


class Proposer:
    """One step of a campaign at one time. `outranked` are the campaigns whose waiting messages make way
    for its own, with their priorities; `taken` the messages that a preview proposed before without storing
    them."""

    def __init__(
        self,
        planning: Planning,
        campaign: Campaign,
        step: int,
        outranked: Mapping[str, int],
        taken: Counter[int],
    ) -> None:
        """Raises ConfigError when the step cannot be planned at all."""
        self.store = planning.store
        self.campaign = campaign
        self.step = step
        self.does = campaign.journey[step]
        self.limits = planning.limits
        self.now = planning.now
        self.language = planning.language
        self.outranked = outranked
        self.taken = taken
        self.terms = planning.terms
        self.links = planning.links
        self.arms = Arms(campaign, planning.limits)
        self.routes = Routes(campaign, self.does.action, planning.channels)
        self.templates = {key: Template(name, planning.folder) for key, name in self.does.templates.items()}
        try:
            self._names = frozenset[str]().union(*(t.names for t in self.templates.values()))
        except InvalidConfig as error:
            raise ConfigError(error.what) from None

    def count(self) -> int:
        """How many customers there is a reason to write to, answered or not."""
        with self.store.read() as transaction:
            if self.step:
                return count_due(transaction, self.campaign, self.step, self.limits, self.now)
            return count_occasions(transaction, self.campaign, self.now)

    def chunks(self) -> Iterator[list[Proposal]]:
        """What is proposed for those that nothing has answered yet, so many at a time."""
        found = (
            due(self.store, self.campaign, self.step, self.limits, self.now, CHUNK)
            if self.step
            else unanswered(self.store, self.campaign, self.now, CHUNK)
        )
        for occasions in found:
            yield list(self._proposals(occasions))

    def _proposals(self, occasions: Sequence[Row[Any]]) -> Iterator[Proposal]:
        customers = [occasion.customer_id for occasion in occasions]
        begun = {o.customer_id: (o.connection_id, o.account_id) for o in occasions} if self.step else None
        with self.store.read() as transaction:
            known = addressees(transaction, customers, begun)
            refused = self.routes.refused(transaction, [a.addressed for a in known.values()], self.terms)
            written = self._written_to(transaction, known)
            arms = self.arms.known(transaction, known)
            wording = Wording(transaction, self.campaign, self._names, known, occasions, self.now)
        for occasion in occasions:
            customer = occasion.customer_id
            who = known.get(customer)
            if who is None or occasion.key is None:
                yield Proposal(customer, occasion, skipped=reason.NO_ACCOUNT)
                continue
            shop = who.account.connection
            ways, why = self.routes.ways(shop, refused, who.key)
            if not ways and why == reason.CHANNEL_UNAVAILABLE:
                yield Proposal(customer, occasion, shop, why)
            elif ways and written.get(customer, 0) + self.taken[customer] >= self.limits.per_customer:
                yield Proposal(customer, occasion, shop, reason.CUSTOMER_LIMIT)
            else:
                yield self._proposal(occasion, who, wording, ways, why, arms.get(customer))

    def _proposal(
        self,
        occasion: Row[Any],
        who: Addressee,
        wording: Wording,
        ways: Sequence[Way],
        why: str,
        arm: Arm | None,
    ) -> Proposal:
        shop, customer = who.account.connection, occasion.customer_id
        try:
            saying = self._saying(occasion, who, wording, render=bool(ways))
        except ConfigError:
            log.warning(
                "template failed",
                extra={"action": "template_failed", "campaign": self.campaign.name, "step": self.step},
            )
            return Proposal(customer, occasion, shop, reason.TEMPLATE_FAILED)
        row = self._row(occasion, who, saying, ways[0] if ways else self.routes.first)
        if ways:
            way, why = self._reaching(ways, row, who)
            if saying.linked and (why or way is not ways[0]):
                # It may be the link that a nearer way does not take.
                bare = self._saying(occasion, who, wording, link=False)
                without = row | _told(bare)
                nearer, refusal = self._reaching(ways, without, who)
                if not refusal and (why or ways.index(nearer) < ways.index(way)):
                    way, why, saying, row = nearer, "", bare, without
            row |= {"channel": way.id, "medium": way.channel.medium}
        # Only who could have been written to may count as the control group of those who are.
        arm = None if why else arm or self.arms.draw(occasion.key)
        if arm is not None:
            why = WHY.get(arm, "")
        if why:
            row |= {"state": "suppressed", "reason": why, "subject": "", "body": ""}
        return Proposal(customer, occasion, shop, "", row, saying.text, arm)

    def _reaching(self, ways: Sequence[Way], row: Mapping[str, Any], who: Addressee) -> tuple[Way, str]:
        times = who.order.times if who.order else {}
        return self.routes.reaching(ways, {**row, **times}, who.account)

    def _saying(
        self, occasion: Row[Any], who: Addressee, wording: Wording, *, render: bool = True, link: bool = True
    ) -> _Saying:
        """What is said or done; the text only where it is to be rendered."""
        language = short(who.account.language or self.campaign.language or self.language)
        if not self.templates:
            does = f"{self.does.action}\0{self.does.content}"
            version = hashlib.sha256(does.encode()).hexdigest()[:16]
            return _Saying(self.does.content, version, language, Rendered("", self.does.content))
        keys = (occasion.state, occasion.level, "default")
        template = next(self.templates[key] for key in keys if key in self.templates)
        language, text = template.text(who.account.language, self.campaign.language, self.language)
        code = getattr(occasion, "coupon_code", None)
        url = None
        if link and self.links is not None and "unsubscribe_url" in text.names:
            url = self.links.unsubscribe(self._key(occasion, text.version))
        values = wording.values(who, occasion.level, language, code, url)
        rendered = text.render(values) if render else None
        return _Saying(template.name, text.version, language, rendered, url is not None)

    def _row(self, occasion: Row[Any], who: Addressee, saying: _Saying, way: Way) -> dict[str, Any]:
        campaign, key = self.campaign, self._key(occasion, saying.version)
        return {
            "key": key,
            "campaign": campaign.name,
            "template": saying.template,
            "template_version": saying.version,
            "approve": campaign.approve,
            # What the platform does beside messages is no message: it uses up nobody's limit.
            "purpose": campaign.purpose if self.templates else "service",
            "channel": way.id,
            "medium": way.channel.medium,
            "connection_id": who.account.connection_id,
            "account_id": who.account.external_id,
            "customer_id": occasion.customer_id,
            "flag_id": occasion.flag_id,
            "level": occasion.level,
            "journey": occasion.journey if self.step else key,
            "step": self.step,
            "action": self.does.action,
            "order_id": who.order.order_id if who.order else None,
            "language": saying.language,
            **_told(saying),
            "state": "queued" if campaign.approve == "never" else "awaiting_approval",
            "reason": "",
            "held": None,
            "overruled": False,
            "attempts": 0,
            "planned_at": self.now,
            "expires_at": self.now + campaign.expires,
            "next_attempt_at": self.now,
            "changed_at": self.now,
        }

    def _key(self, occasion: Row[Any], version: str) -> str:
        """The same for the same reason to write: one that lasts is a new one each cooldown. A later step
        belongs to its first."""
        if self.step:
            return hashlib.sha256(f"{occasion.journey}\0{self.step}".encode()).hexdigest()[:40]
        cooldown = self.campaign.cooldown if self.campaign.when.stands else None
        period = (self.now - occasion.at) // cooldown if cooldown else 0
        parts = (self.campaign.name, version, occasion.key, str(to_instant(occasion.at)), str(period))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def _written_to(self, transaction: Transaction, customers: Iterable[int]) -> Mapping[int, int]:
        """How much of their limit these customers have used up; nothing counts for what has none."""
        if self.campaign.purpose != "marketing" or not self.templates:
            return {}
        since = self.now - self.limits.period
        return marketing_counts(transaction, customers, since, self.outranked)


def _told(saying: _Saying) -> dict[str, str]:
    """The columns of a message that hold what is said."""
    text = saying.text or Rendered("", "")
    return {"subject": text.subject, "body": text.body}
