"""Standing flags become messages: one per customer and reason to write, however often it is planned."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection as Transaction
from sqlalchemy import (
    Row,
    and_,
    or_,
    select,
)

from crmsync.care import reason
from crmsync.care.addressee import Addressee, addressees, outgoing
from crmsync.care.limit import marketing_counts
from crmsync.care.permission import refusals
from crmsync.care.standing import LATE, UNASKED, count_standing, unanswered
from crmsync.care.template import Template
from crmsync.care.upsert import upsert
from crmsync.config import Campaign, InvalidConfig, Limits
from crmsync.sdk import Channel, ConfigError
from crmsync.store import Store
from crmsync.store.tables import Approval, Message, to_instant

log = logging.getLogger("crmsync.care")

CHUNK = 500
_HERE = Path()


@dataclass(slots=True)
class CampaignPlan:
    """What became of a campaign's standing flags: `flags == sum(planned) + sum(skipped)`.

    `planned` counts new messages by state; `suppressed` those of them that will not be sent, by
    reason. `skipped` counts flags without a new message, by reason. `problem` says why the campaign
    could not be planned at all.
    """

    flags: int = 0
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
    dry_run: bool = False,
) -> PlanResult:
    """Plan every enabled campaign, in their order. What has been planned before is left as it is, so
    that planning again plans nothing. `language` is what a reader gets of whom none is known; the paths
    of templates start from `folder`. `dry_run` counts and writes nothing."""
    store.analyze_new()
    result = PlanResult()
    for campaign in campaigns:
        if not campaign.enabled:
            continue
        done = result.campaigns[campaign.name] = CampaignPlan()
        try:
            _Planner(store, campaign, channels, limits, now, language, folder, dry_run, done).run()
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


class _Planner:
    """One campaign's pass."""

    def __init__(
        self,
        store: Store,
        campaign: Campaign,
        channels: Mapping[str, Channel[Any]],
        limits: Limits,
        now: datetime,
        language: str,
        folder: Path,
        dry_run: bool,
        done: CampaignPlan,
    ) -> None:
        self.store = store
        self.campaign = campaign
        self.limits = limits
        self.now = now
        self.language = language
        self.dry_run = dry_run
        self.done = done
        self.template = Template(campaign.template, folder)
        channel = channels.get(campaign.channel)
        if channel is None:
            raise ConfigError(
                f"{reason.CHANNEL_UNAVAILABLE}: {campaign.channel}.", fix="See: crmsync plugins list."
            )
        if campaign.purpose not in channel.purposes:
            raise ConfigError(f"{reason.CHANNEL_PURPOSE}: {campaign.channel}, {campaign.purpose}.")
        self.channel = channel
        self._unavailable: dict[str, str] = {}

    def run(self) -> None:
        try:
            _ = self.template.texts
        except InvalidConfig as error:
            raise ConfigError(error.what) from None
        with self.store.read() as transaction:
            self.done.flags = count_standing(transaction, self.campaign)
        considered = 0
        for flags in unanswered(self.store, self.campaign, self.now, CHUNK):
            considered += len(flags)
            self._write(list(self._rows(flags)))
        self.done.skipped[reason.COOLDOWN] += max(0, self.done.flags - considered)
        self.done.skipped = +self.done.skipped

    def _rows(self, flags: Sequence[Row[Any]]) -> Iterator[dict[str, Any]]:
        with self.store.read() as transaction:
            known = addressees(transaction, [flag.customer_id for flag in flags])
            refused = refusals(
                transaction,
                [a.addressed for a in known.values()],
                self.channel.medium,
                self.campaign.purpose,
            )
            written = self._written_to(transaction, known)
        for flag in flags:
            who = known.get(flag.customer_id)
            if who is None or flag.key is None:
                self.done.skipped[reason.NO_ACCOUNT] += 1
                continue
            if why := self._channel_unavailable(who.account.connection):
                self.done.skipped[why] += 1
                continue
            language, text = self.template.text(who.account.language, self.campaign.language, self.language)
            row = self._row(flag, who, language, text.version)
            why = refused.get((who.account.connection_id, who.account.external_id))
            # Only who could have been written to may count as the control group of those who are.
            if not why and self._controls(flag.key):
                why = reason.CONTROL_GROUP
            if not why and written.get(flag.customer_id, 0) >= self.limits.per_customer:
                self.done.skipped[reason.CUSTOMER_LIMIT] += 1
                continue
            if not why:
                try:
                    final = text.render(who.values(flag.level, language, self.now))
                except ConfigError:
                    log.warning(
                        "template failed",
                        extra={
                            "action": "template_failed",
                            "campaign": self.campaign.name,
                            "file": text.path.name,
                        },
                    )
                    self.done.skipped[reason.TEMPLATE_FAILED] += 1
                    continue
                row |= {"subject": final.subject, "body": final.body}
                why = self.channel.reaches(outgoing(row, who.account))
            if why:
                row |= {"state": "suppressed", "reason": why, "subject": "", "body": ""}
            yield row

    def _row(self, flag: Row[Any], who: Addressee, language: str, version: str) -> dict[str, Any]:
        campaign = self.campaign
        return {
            "key": self._key(flag, version),
            "campaign": campaign.name,
            "template": campaign.template,
            "template_version": version,
            "approve": campaign.approve,
            "purpose": campaign.purpose,
            "channel": campaign.channel,
            "medium": self.channel.medium,
            "connection_id": who.account.connection_id,
            "account_id": who.account.external_id,
            "customer_id": flag.customer_id,
            "flag_id": flag.id,
            "level": flag.level,
            "order_id": who.order.order_id if who.order else None,
            "language": language,
            "subject": "",
            "body": "",
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

    def _key(self, flag: Row[Any], version: str) -> str:
        """The same for the same reason to write: a flag that stands on is a new one each cooldown."""
        cooldown = self.campaign.cooldown
        period = (self.now - flag.raised_at) // cooldown if cooldown else 0
        parts = (self.campaign.name, version, flag.key, str(to_instant(flag.raised_at)), str(period))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def _controls(self, customer: str) -> bool:
        digest = hashlib.sha256(f"control\0{self.campaign.name}\0{customer}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.campaign.control_group * 2**64

    def _written_to(self, transaction: Transaction, customers: Iterable[int]) -> Mapping[int, int]:
        if self.campaign.purpose != "marketing":
            return dict.fromkeys(customers, -1)
        return marketing_counts(transaction, customers, self.now - self.limits.period)

    def _channel_unavailable(self, connection: str) -> str:
        """Why this connection's customers cannot be reached by the channel at all; it may be mended, so
        nothing is written down against them."""
        if connection not in self._unavailable:
            try:
                self.channel.idempotency_for(connection)
                self._unavailable[connection] = ""
            except Exception as error:
                self._unavailable[connection] = reason.CHANNEL_UNAVAILABLE
                log.warning(
                    "channel unavailable",
                    extra={
                        "action": "channel_unavailable",
                        "channel": self.campaign.channel,
                        "connection": connection,
                        "error": type(error).__name__,
                    },
                )
        return self._unavailable[connection]

    def _write(self, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        with self.store.write() if not self.dry_run else self.store.read() as transaction:
            self._release(transaction, rows)
            counts = [(row["state"], row["reason"]) for row in rows]
            if not self.dry_run:
                counts = [(state, why) for state, why in transaction.execute(self._insert(rows))]
        self.done.skipped[reason.ALREADY_PLANNED] += len(rows) - len(counts)
        self.done.planned.update(state for state, _ in counts)
        self.done.suppressed.update(why for state, why in counts if state == "suppressed")

    def _release(self, transaction: Transaction, rows: Iterable[dict[str, Any]]) -> None:
        """Queue what needs no further approval, as approvals stand in the transaction that plans it."""
        if self.campaign.approve != "first":
            return
        approved = set(
            transaction.scalars(
                select(Approval.template_version).where(Approval.campaign == self.campaign.name)
            )
        )
        for row in rows:
            if row["state"] == "awaiting_approval" and row["template_version"] in approved:
                row["state"] = "queued"

    def _insert(self, rows: list[dict[str, Any]]) -> Any:
        insert = upsert(self.store, Message, rows)
        return insert.on_conflict_do_update(
            index_elements=["key"],
            set_={name: insert.excluded[name] for name in rows[0] if name != "key"},
            where=or_(and_(UNASKED, insert.excluded.state != "suppressed"), LATE),
        ).returning(Message.state, Message.reason)
