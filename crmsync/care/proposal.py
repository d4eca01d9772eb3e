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
from crmsync.care.addressee import Addressee, addressees, outgoing
from crmsync.care.arm import WHY, Arms
from crmsync.care.limit import marketing_counts
from crmsync.care.occasion import count_occasions, unanswered
from crmsync.care.permission import Terms, refusals
from crmsync.care.template import Template
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


class Proposer:
    """One campaign at one time. `outranked` are the campaigns whose waiting messages make way for its
    own, with their priorities; `taken` the messages that a preview proposed before without storing them."""

    def __init__(
        self,
        store: Store,
        campaign: Campaign,
        channels: Mapping[str, Channel[Any]],
        limits: Limits,
        now: datetime,
        language: str,
        folder: Path,
        outranked: Mapping[str, int],
        taken: Counter[int],
        terms: Terms,
    ) -> None:
        """Raises ConfigError when the campaign cannot be planned at all."""
        self.store = store
        self.campaign = campaign
        self.limits = limits
        self.now = now
        self.language = language
        self.outranked = outranked
        self.taken = taken
        self.terms = terms
        self.arms = Arms(campaign, limits)
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
        try:
            _ = self.template.texts
        except InvalidConfig as error:
            raise ConfigError(error.what) from None

    def count(self) -> int:
        """How many occasions there are, answered or not."""
        with self.store.read() as transaction:
            return count_occasions(transaction, self.campaign, self.now)

    def chunks(self) -> Iterator[list[Proposal]]:
        """What is proposed for the unanswered occasions, so many at a time."""
        for occasions in unanswered(self.store, self.campaign, self.now, CHUNK):
            yield list(self._proposals(occasions))

    def _proposals(self, occasions: Sequence[Row[Any]]) -> Iterator[Proposal]:
        customers = [occasion.customer_id for occasion in occasions]
        with self.store.read() as transaction:
            known = addressees(transaction, customers)
            refused = refusals(
                transaction,
                [a.addressed for a in known.values()],
                self.channel.medium,
                self.campaign.purpose,
                self.terms,
            )
            written = self._written_to(transaction, known)
            arms = self.arms.known(transaction, known)
            wording = Wording(transaction, self.campaign, self.template.names, known, occasions, self.now)
        for occasion in occasions:
            customer = occasion.customer_id
            who = known.get(customer)
            if who is None or occasion.key is None:
                yield Proposal(customer, occasion, skipped=reason.NO_ACCOUNT)
            elif why := self._channel_unavailable(who.account.connection):
                yield Proposal(customer, occasion, who.account.connection, why)
            else:
                why = refused.get((who.account.connection_id, who.account.external_id), "")
                if not why and written.get(customer, 0) + self.taken[customer] >= self.limits.per_customer:
                    yield Proposal(customer, occasion, who.account.connection, reason.CUSTOMER_LIMIT)
                    continue
                yield self._proposal(occasion, who, wording, why, arms.get(customer))

    def _proposal(
        self, occasion: Row[Any], who: Addressee, wording: Wording, why: str, arm: Arm | None
    ) -> Proposal:
        language, text = self.template.text(who.account.language, self.campaign.language, self.language)
        row = self._row(occasion, who, language, text.version)
        final = None
        if not why:
            try:
                final = text.render(wording.values(who, occasion.level, language))
            except ConfigError:
                log.warning(
                    "template failed",
                    extra={
                        "action": "template_failed",
                        "campaign": self.campaign.name,
                        "file": text.path.name,
                    },
                )
                return Proposal(
                    occasion.customer_id, occasion, who.account.connection, reason.TEMPLATE_FAILED
                )
            row |= {"subject": final.subject, "body": final.body}
            why = self.channel.reaches(outgoing(row, who.account)) or ""
        # Only who could have been written to may count as the control group of those who are.
        arm = None if why else arm or self.arms.draw(occasion.key)
        if arm is not None:
            why = WHY.get(arm, "")
        if why:
            row |= {"state": "suppressed", "reason": why, "subject": "", "body": ""}
        return Proposal(occasion.customer_id, occasion, who.account.connection, "", row, final, arm)

    def _row(self, occasion: Row[Any], who: Addressee, language: str, version: str) -> dict[str, Any]:
        campaign, key = self.campaign, self._key(occasion, version)
        return {
            "key": key,
            "campaign": campaign.name,
            "template": campaign.template,
            "template_version": version,
            "approve": campaign.approve,
            "purpose": campaign.purpose,
            "channel": campaign.channel,
            "medium": self.channel.medium,
            "connection_id": who.account.connection_id,
            "account_id": who.account.external_id,
            "customer_id": occasion.customer_id,
            "flag_id": occasion.flag_id,
            "level": occasion.level,
            "journey": key,
            "step": 0,
            "action": "send_message",
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

    def _key(self, occasion: Row[Any], version: str) -> str:
        """The same for the same reason to write: one that lasts is a new one each cooldown."""
        cooldown = self.campaign.cooldown if self.campaign.when.stands else None
        period = (self.now - occasion.at) // cooldown if cooldown else 0
        parts = (self.campaign.name, version, occasion.key, str(to_instant(occasion.at)), str(period))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:40]

    def _written_to(self, transaction: Transaction, customers: Iterable[int]) -> Mapping[int, int]:
        if self.campaign.purpose != "marketing":
            return {}
        since = self.now - self.limits.period
        return marketing_counts(transaction, customers, since, self.outranked)

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
