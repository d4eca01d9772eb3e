"""Occasions become messages: one per customer and reason to write, however often it is planned."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import Row, and_, func, not_, or_, select

from crmsync.care import reason
from crmsync.care.limit import make_way
from crmsync.care.link import Links
from crmsync.care.occasion import LATE, OUTRANKED, UNASKED, not_asked
from crmsync.care.permission import Terms
from crmsync.care.proposal import Planning, Proposal, Proposer
from crmsync.config import Campaign, Limits
from crmsync.sdk import Channel, ConfigError
from crmsync.store import Store
from crmsync.store.membership import one_of
from crmsync.store.sealing import sealed
from crmsync.store.tables import Account, Approval, Message
from crmsync.store.upsert import upsert_many

log = logging.getLogger("crmsync.care")

_HERE = Path()


@dataclass(slots=True)
class CampaignPlan:
    """What became of a campaign's occasions: `occasions == sum(planned) + sum(skipped)`.

    `planned` counts new messages by state; `suppressed` those of them that will not be sent, by
    reason. `skipped` counts occasions without a new message, by reason. `problem` says why the
    campaign could not be planned at all.
    """

    occasions: int = 0
    planned: Counter[str] = field(default_factory=Counter)
    suppressed: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    problem: str = ""


@dataclass(slots=True)
class PlanResult:
    """One pass over the campaigns, by campaign name."""

    campaigns: dict[str, CampaignPlan] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        """New messages, in whatever state."""
        return sum(campaign.planned.total() for campaign in self.campaigns.values())


def plan(
    store: Store,
    campaigns: Iterable[Campaign],
    channels: Mapping[str, Channel[Any]],
    limits: Limits,
    *,
    now: datetime,
    language: str = "en",
    folder: Path = _HERE,
    terms: Terms | None = None,
    links: Links | None = None,
) -> PlanResult:
    """Plan every enabled campaign, those of higher priority first. What has been planned before is left
    as it is, so that planning again plans nothing. The rest is as in `Planning`."""
    store.analyze_new()
    planning = Planning(store, channels, limits, now, language, folder, terms or Terms.of(store), links)
    result = PlanResult()
    for campaign, outranked in by_priority(campaigns):
        done = result.campaigns[campaign.name] = CampaignPlan()
        try:
            for step in range(len(campaign.journey)):
                proposer = Proposer(planning, campaign, step, outranked, Counter())
                _Planner(store, proposer, done).run()
        except ConfigError as error:
            done.problem = str(error)
            log.error(
                "campaign not planned", extra={"action": "campaign_not_planned", "campaign": campaign.name}
            )
            continue
        log.info(
            "campaign planned",
            extra={
                "action": "campaign_planned",
                "campaign": campaign.name,
                "planned": dict(done.planned),
                "suppressed": dict(done.suppressed),
                "skipped": dict(done.skipped),
            },
        )
    return result


def by_priority(campaigns: Iterable[Campaign]) -> Iterator[tuple[Campaign, dict[str, int]]]:
    """The enabled campaigns in the order in which they choose, each with the priorities of those that
    make way for it."""
    enabled = sorted((c for c in campaigns if c.enabled), key=lambda c: -c.priority)
    for campaign in enabled:
        yield campaign, {c.name: c.priority for c in enabled if c.priority < campaign.priority}


class _Planner:
    """One campaign's pass."""

    def __init__(self, store: Store, proposer: Proposer, done: CampaignPlan) -> None:
        self.store = store
        self.proposer = proposer
        self.campaign = proposer.campaign
        self.done = done

    def run(self) -> None:
        occasions, considered = self.proposer.count(), 0
        self.done.occasions += occasions
        for proposals in self.proposer.chunks():
            considered += len(proposals)
            self.done.skipped.update(p.skipped for p in proposals if p.skipped)
            self._write([p for p in proposals if p.row is not None])
        self.done.skipped[reason.COOLDOWN] += max(0, occasions - considered)
        self.done.skipped = +self.done.skipped

    def _write(self, proposals: list[Proposal]) -> None:
        rows = [p.row for p in proposals if p.row is not None]
        if not rows:
            return
        proposer = self.proposer
        with self.store.write() as transaction:
            proposals = self._still_there(transaction, proposals)
            rows = [p.row for p in proposals if p.row is not None]
            if not rows:
                return
            self._release(transaction, rows)
            proposer.arms.assign(
                transaction,
                {p.customer_id: p.arm for p in proposals if p.arm is not None},
                proposer.now,
            )
            if self.campaign.purpose == "marketing":
                make_way(
                    transaction,
                    [
                        row["customer_id"]
                        for row in rows
                        if row["state"] != "suppressed" and row["purpose"] == "marketing"
                    ],
                    proposer.limits.per_customer,
                    proposer.now - proposer.limits.period,
                    proposer.outranked,
                    proposer.now,
                )
            counts = self._insert(transaction, rows)
        self.done.skipped[reason.ALREADY_PLANNED] += len(rows) - len(counts)
        self.done.planned.update(state for state, _ in counts)
        self.done.suppressed.update(why for state, why in counts if state == "suppressed")

    def _still_there(self, transaction: Transaction, proposals: list[Proposal]) -> list[Proposal]:
        """Those whose account was not erased while their text was made."""
        customers = {p.customer_id for p in proposals}
        query = select(Account.connection_id, Account.external_id).where(
            one_of(Account.customer_id, customers), Account.deleted_at.is_(None)
        )
        accounts = {(connection, account) for connection, account in transaction.execute(query)}
        there = [p for p in proposals if p.row and (p.row["connection_id"], p.row["account_id"]) in accounts]
        self.done.skipped[reason.NO_ACCOUNT] += len(proposals) - len(there)
        return there

    def _release(self, transaction: Transaction, rows: Iterable[dict[str, Any]]) -> None:
        """Queue what needs no further approval, as approvals stand in the transaction that plans it."""
        if self.campaign.approve != "first":
            return
        approved = set(
            transaction.scalars(
                select(Approval.template_version)
                .where(Approval.campaign == self.campaign.name, Approval.message_id == 0)
                .group_by(Approval.template_version)
                .having(func.count() >= self.campaign.approvals)
            )
        )
        for row in rows:
            if row["state"] == "awaiting_approval" and row["template_version"] in approved:
                row["state"] = "queued"

    def _insert(self, transaction: Transaction, rows: list[dict[str, Any]]) -> Sequence[Row[Any]]:
        """The state of each that is new, or new again, with the reason."""

        def completed(insert: Any) -> Any:
            return insert.on_conflict_do_update(
                index_elements=["key"],
                set_={name: insert.excluded[name] for name in rows[0] if name != "key"},
                where=or_(and_(UNASKED, not_(not_asked(insert.excluded.reason))), LATE, OUTRANKED),
            ).returning(Message.state, Message.reason)

        kept = [sealed(self.store.vault, Message, row) for row in rows]
        written: Sequence[Row[Any]] = upsert_many(transaction, Message, kept, completed).all()
        return written
