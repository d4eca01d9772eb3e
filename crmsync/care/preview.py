"""Who would get what and why, and why others would not; nothing is stored and nothing is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Row, not_, select

from crmsync.care import reason
from crmsync.care.link import Links
from crmsync.care.occasion import OPEN
from crmsync.care.permission import Terms
from crmsync.care.planner import by_priority
from crmsync.care.proposal import Planning, Proposal, Proposer
from crmsync.care.text import Rendered
from crmsync.config import Campaign, Limits, Trigger
from crmsync.sdk import Channel, ConfigError, Told, UsageError, mark
from crmsync.store import Store
from crmsync.store.tables import Message

_HERE = Path()
_FLAGS = {
    "standing": mark("the flag {flag} stands at level {level} since {day}"),
    "raised": mark("the flag {flag} was raised at level {level} on {day}"),
    "changed": mark("the flag {flag} changed to level {level} on {day}"),
    "cleared": mark("the flag {flag} was cleared on {day}"),
}
_SEGMENTS = {
    "standing": mark("in the segment {segment} since {day}"),
    "entered": mark("entered the segment {segment} on {day}"),
    "left": mark("left the segment {segment} on {day}"),
}
_CASES = {
    "received": mark("a complaint was received on {day}"),
    "accepted": mark("a complaint was accepted on {day}"),
    "explained": mark("a complaint was explained on {day}"),
    "solved": mark("a solution to a complaint was offered on {day}"),
    "follow_up": mark("a complaint is being followed up since {day}"),
    "closed": mark("a complaint was closed on {day}"),
}
_SCHEDULE = mark("the schedule came round on {day} and the flag {flag} stands at level {level}")
_SCHEDULED_SEGMENT = mark("the schedule came round on {day}, in the segment {segment}")
_NEXT_STEP = mark("step {step} of the campaign, begun on {day}")
_DATES = {
    "first_order": mark("the first order was on {day}"),
    "last_order": mark("the last order was on {day}"),
    "delivery": mark("the last delivery was on {day}"),
    "anniversary": mark("the anniversary of the first order is on {day}"),
    "birthday": mark("the birthday is on {day}"),
}


@dataclass(frozen=True, slots=True)
class Previewed:
    """One customer of a preview: why the campaign would write, and what, or why it would not. `text` is
    empty where nothing would be sent."""

    customer_id: int
    connection: str
    channel: str
    language: str
    why: Told
    not_sent: str = ""
    text: Rendered | None = field(default=None, repr=False)


@dataclass(slots=True)
class CampaignPreview:
    """What planning this campaign now would do: `occasions == would_send + sum(would_not)`.

    `awaits_approval` of those who would get a message wait for a person first. `examples` are a few
    customers of each reason, those who would get a message first.
    """

    campaign: str
    occasions: int = 0
    would_send: int = 0
    awaits_approval: int = 0
    would_not: Counter[str] = field(default_factory=Counter)
    examples: list[Previewed] = field(default_factory=list)
    problem: str = ""


def preview(
    store: Store,
    campaigns: Iterable[Campaign],
    channels: Mapping[str, Channel[Any]],
    limits: Limits,
    *,
    now: datetime,
    language: str = "en",
    folder: Path = _HERE,
    only: str | None = None,
    examples: int = 3,
    terms: Terms | None = None,
    links: Links | None = None,
) -> list[CampaignPreview]:
    """What `plan` would do now, campaign by campaign in the order in which they choose, with so many
    examples of each outcome. `only` shows one campaign; those before it are gone through all the same,
    because they may take its customers' slots. Raises UsageError for a campaign that is not there."""
    campaigns, terms = list(campaigns), terms or Terms.of(store, make_key=False)
    planning = Planning(store, channels, limits, now, language, folder, terms, links)
    if only is not None and only not in {c.name for c in campaigns}:
        raise UsageError(f"No campaign is called {only}.", fix="See `care` in the configuration.")
    if only is not None:
        # One that is switched off is looked at as if it were on.
        campaigns = [c.model_copy(update={"enabled": True}) if c.name == only else c for c in campaigns]
    taken: Counter[int] = Counter()
    shown = []
    for campaign, outranked in by_priority(campaigns):
        found = CampaignPreview(campaign.name)
        try:
            for step in range(len(campaign.journey)):
                proposer = Proposer(planning, campaign, step, outranked, taken)
                _Preview(store, proposer, found, examples).run()
        except ConfigError as error:
            found.problem = str(error)
        if only in (None, campaign.name):
            shown.append(found)
        if only == campaign.name:
            break
    return shown


class _Preview:
    """One campaign's preview."""

    def __init__(self, store: Store, proposer: Proposer, found: CampaignPreview, examples: int) -> None:
        self.store = store
        self.proposer = proposer
        self.found = found
        self.examples = examples
        self._shown: Counter[str] = Counter()

    def run(self) -> None:
        found, considered, occasions = self.found, 0, self.proposer.count()
        found.occasions += occasions
        for proposals in self.proposer.chunks():
            considered += len(proposals)
            settled = self._settled(proposals)
            for proposal in proposals:
                self._add(proposal, proposal.row is not None and proposal.row["key"] in settled)
        found.would_not[reason.COOLDOWN] += max(0, occasions - considered)
        found.would_not = +found.would_not
        found.examples.sort(key=lambda example: bool(example.not_sent))

    def _settled(self, proposals: list[Proposal]) -> set[str]:
        """The keys that planning would leave as they are."""
        keys = [p.row["key"] for p in proposals if p.row is not None]
        with self.store.read() as transaction:
            return set(transaction.scalars(select(Message.key).where(Message.key.in_(keys), not_(OPEN))))

    def _add(self, proposal: Proposal, settled: bool) -> None:
        row, found = proposal.row, self.found
        why = proposal.skipped or (reason.ALREADY_PLANNED if settled else row["reason"] if row else "")
        if why:
            found.would_not[why] += 1
        else:
            found.would_send += 1
            found.awaits_approval += bool(row and row["state"] == "awaiting_approval")
            if row is not None and row["purpose"] == "marketing":
                self.proposer.taken[proposal.customer_id] += 1
        if self._shown[why] < self.examples:
            self._shown[why] += 1
            found.examples.append(
                Previewed(
                    proposal.customer_id,
                    proposal.connection,
                    row["channel"] if row else "",
                    row["language"] if row else "",
                    told(self.proposer.campaign.when, proposal.occasion, self.proposer.step),
                    why,
                    None if why else proposal.text,
                )
            )


def told(trigger: Trigger, occasion: Row[Any], step: int) -> Told:
    """The reason to write, for a person."""
    values = {"flag": trigger.flag, "level": occasion.level, "day": f"{occasion.at:%Y-%m-%d}"}
    if step:
        return Told(_NEXT_STEP, {"step": step + 1, "day": values["day"]})
    if trigger.segment is not None:
        told = _SEGMENTS[trigger.change] if trigger.schedule is None else _SCHEDULED_SEGMENT
        return Told(told, {"segment": trigger.segment, "day": values["day"]})
    if trigger.case is not None:
        return Told(_CASES[trigger.case], {"day": values["day"]})
    if trigger.date is not None:
        return Told(_DATES[trigger.date], {"day": values["day"]})
    if trigger.schedule is not None:
        return Told(_SCHEDULE, values)
    return Told(_FLAGS[trigger.change], values)
