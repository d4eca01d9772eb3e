"""Due messages go out, each checked at the last moment and each outcome written down at once."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction

from crmsync.care import outbox, reason
from crmsync.care.addressee import outgoing
from crmsync.care.gate import refusal
from crmsync.care.limit import DailyCaps
from crmsync.care.outbox import Claimed, Lane
from crmsync.config import Campaign, Limits
from crmsync.sdk import (
    AuthError,
    Channel,
    Clock,
    CrmsyncError,
    OutgoingMessage,
    PermanentError,
    RateLimited,
    Receipt,
    SentMessage,
    Stopped,
    TransientError,
    Veto,
)
from crmsync.sdk.message import Idempotency
from crmsync.store import Store
from crmsync.store.tables import DeliveryOutcome, MessageState

log = logging.getLogger("crmsync.care")

MAX_ATTEMPTS = 8
BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=6)
LONGEST_PAUSE = timedelta(hours=1)
FAILURES_TO_PAUSE = 5
"""After so many failures in a row a lane is left alone for the rest of the pass."""
_FAULTS = (Exception, SystemExit)
"""What a plugin can throw at us."""


@dataclass(slots=True)
class DeliveryResult:
    """One pass over the outbox. `counts` are messages by what became of them: a state, or `postponed`
    (quiet hours, caps, a pause). `repeated`: the platform had seen the key before. `paused` says
    which channel and connection were left alone, and why. `more`: due messages are left."""

    counts: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    paused: dict[Lane, str] = field(default_factory=dict)
    more: bool = False

    @property
    def sent(self) -> int:
        return self.counts["sent"]


def deliver(
    store: Store,
    campaigns: Collection[Campaign],
    channels: Mapping[str, Channel[Any]],
    limits: Limits,
    *,
    clock: Clock,
    stop: threading.Event | None = None,
    review: Callable[[OutgoingMessage], Veto | None] | None = None,
    on_sent: Callable[[SentMessage], None] | None = None,
    batch: int = 50,
    at_most: int = 1_000,
    jitter: random.Random | None = None,
) -> DeliveryResult:
    """Send what is due, up to `at_most` messages; then the caller looks at its configuration again.

    Messages of campaigns that are not enabled and of channels that are not there stay where they
    are. `review` may hold a message with a Veto or an error. When `stop` is set the message in hand
    is finished and nothing stays claimed.
    """
    store.analyze_new()
    return _Pass(
        store, campaigns, channels, limits, clock, stop or threading.Event(), review, on_sent, jitter
    ).run(batch, at_most)


class _Pass:
    """One pass over the outbox."""

    def __init__(
        self,
        store: Store,
        campaigns: Collection[Campaign],
        channels: Mapping[str, Channel[Any]],
        limits: Limits,
        clock: Clock,
        stop: threading.Event,
        review: Callable[[OutgoingMessage], Veto | None] | None,
        on_sent: Callable[[SentMessage], None] | None,
        jitter: random.Random | None,
    ) -> None:
        self.store = store
        self.campaigns = {c.name: c for c in campaigns if c.enabled}
        self.channels = channels
        self.limits = limits
        self.clock = clock
        self.stop = stop
        self.review = review
        self.on_sent = on_sent
        self.jitter = jitter or random.Random()
        self.caps = DailyCaps()
        self.failures: Counter[Lane] = Counter()
        self.result = DeliveryResult()

    def run(self, batch: int, at_most: int) -> DeliveryResult:
        counts = self.result.counts
        counts["expired"] += outbox.expire(self.store, self.clock.now())
        left = 0 if self.limits.stop else at_most
        while left > 0 and not self.stop.is_set():
            claimed = outbox.claim(
                self.store,
                self.campaigns,
                self.channels,
                self.result.paused,
                self.clock.now(),
                min(batch, left),
            )
            if not claimed:
                break
            left -= len(claimed)
            self._work_off(claimed)
        self.result.more = left <= 0 and not self.limits.stop
        self.result.counts = +counts
        return self.result

    def _work_off(self, claimed: list[Claimed]) -> None:
        untouched = list(claimed)
        try:
            while untouched and not self.stop.is_set():
                item = untouched[0]
                if item.lane not in self.result.paused:
                    self._settle(item)
                    del untouched[0]
                else:
                    outbox.release(self.store, [untouched.pop(0).message], self.clock.now())
        finally:
            # The one whose step failed goes back too: the row itself says when it may have left.
            outbox.release(self.store, [c.message for c in untouched], self.clock.now())

    def _settle(self, item: Claimed) -> None:
        channel = self.channels[item.message["channel"]]
        try:
            idempotency = channel.idempotency_for(item.connection)
        except _FAULTS as error:
            self._pause(item.lane, _told(error))
            return self._leave(item, "queued")
        if item.doubtful and not self._may_repeat(item, channel, idempotency):
            return None
        if item.account is None:
            return self._leave(item, "suppressed", reason.ACCOUNT_GONE)
        message = outgoing(item.message, item.account)
        if (unreachable := _unreachable(channel, message)) is not None:
            return self._leave(item, "suppressed", unreachable)
        if self._held(item, message):
            return None
        now = self.clock.now()
        campaign = self.campaigns[message.campaign]
        with self.store.write() as transaction:
            refused = refusal(transaction, item, item.account, campaign, self.limits, self.caps, now)
            if refused is not None:
                later = {"next_attempt_at": refused.until} if refused.until else {}
                return self._put(transaction, item, refused.state, now, reason=refused.why, **later)
            if not outbox.begin(transaction, item.message, idempotency, now):
                return None
        return self._send(item, channel, message, idempotency)

    def _may_repeat(self, item: Claimed, channel: Channel[Any], idempotency: Idempotency) -> bool:
        """Settle a doubtful message as far as it can be; True when it may be sent (again)."""
        with self.store.read() as transaction:
            promised = outbox.promised(transaction, item.id)
        if idempotency == "none" or idempotency != promised:
            self._leave(item, "unknown", reason.MAY_HAVE_ARRIVED)
            return False
        if idempotency == "key":
            return True
        if item.account is None:
            self._leave(item, "unknown", reason.MAY_HAVE_ARRIVED)
            return False
        try:
            receipt = channel.lookup(outgoing(item.message, item.account), item.message["key"])
        except _FAULTS as error:
            self._retry(item, "unconfirmed", _told(error), doubtful=True, ended=False)
            return False
        if receipt is not None:
            self._sent(item, receipt)
            return False
        with self.store.write() as transaction:
            outbox.settle(transaction, item.message)
        item.message["doubtful"] = False
        return True

    def _held(self, item: Claimed, message: OutgoingMessage) -> bool:
        if self.review is None or item.message["overruled"]:
            return False
        held, why = "veto", ""
        try:
            veto = self.review(message)
            if veto is None:
                return False
            why = veto.reason
        except _FAULTS as error:
            held, why = "error", f"{type(error).__name__} in a plugin's review"
            log.exception("review failed", extra={"action": "review_failed", "message_id": item.id})
        self._leave(item, "awaiting_approval", why, held=held)
        return True

    def _send(
        self, item: Claimed, channel: Channel[Any], message: OutgoingMessage, idempotency: Idempotency
    ) -> None:
        lane = item.lane
        try:
            receipt = channel.send(message, item.message["key"])
            if not isinstance(receipt, Receipt):
                raise TypeError(f"{lane[0]} returned no receipt")
        except RateLimited as error:
            now = self.clock.now()
            until = min(max(error.until or now + BACKOFF, now), now + LONGEST_PAUSE)
            self._finish(item, "queued", "refused", _told(error), next_attempt_at=until)
            self._pause(lane, _told(error))
            outbox.hold_lane(self.store, lane, until)
        except AuthError as error:
            self._finish(item, "queued", "refused", _told(error))
            self._pause(lane, _told(error))
        except PermanentError as error:
            self._finish(item, "dead", "dead", _told(error))
        except TransientError as error:
            self._retry(item, "failed", _told(error))
            self._fail(lane, _told(error))
        except Stopped as error:
            # The session stops while it waits, not while a request is under way; a repeated key is free.
            self._finish(item, "queued", "failed", _told(error), doubtful=idempotency != "none")
        except _FAULTS as error:
            # Whatever else went wrong, it may have arrived.
            if not isinstance(error, CrmsyncError):
                log.exception(
                    "channel failed",
                    extra={"action": "channel_failed", "channel": lane[0], "message_id": item.id},
                )
            if idempotency == "none":
                self._finish(item, "unknown", "unconfirmed", _told(error), doubtful=True)
            else:
                self._retry(item, "unconfirmed", _told(error), doubtful=True, wait=outbox.grace(idempotency))
            self._fail(lane, _told(error))
        else:
            self.failures[lane] = 0
            self._sent(item, receipt)

    def _sent(self, item: Claimed, receipt: Receipt) -> None:
        now = self.clock.now()
        if not self._finish(item, "sent", "sent", receipt=receipt):
            return
        self.result.repeated += receipt.repeated
        if self.on_sent is None:
            return
        message = item.message
        sent = SentMessage(
            item.id,
            message["campaign"],
            message["channel"],
            item.connection,
            receipt.reference,
            receipt.at or now,
        )
        try:
            self.on_sent(sent)
        except _FAULTS:
            log.exception("event hook failed", extra={"action": "event_failed", "message_id": item.id})

    def _retry(
        self,
        item: Claimed,
        outcome: DeliveryOutcome,
        why: str,
        *,
        doubtful: bool = False,
        wait: timedelta = timedelta(),
        ended: bool = True,
    ) -> None:
        """Try again later, or give up."""
        now = self.clock.now()
        attempts = item.message["attempts"] + 1
        state: MessageState = "failed"
        if attempts >= MAX_ATTEMPTS:
            state = "dead"
            why = f"{why} ({reason.TOO_MANY_ATTEMPTS})"
        longest = min(LONGEST_BACKOFF, BACKOFF * 2**attempts).total_seconds()
        at = now + wait + timedelta(seconds=self.jitter.uniform(1, longest))
        values = {"attempts": attempts, "next_attempt_at": at}
        if ended:
            self._finish(item, state, outcome, why, doubtful=doubtful, **values)
        else:
            self._leave(item, state, why, **values)

    def _finish(
        self,
        item: Claimed,
        state: MessageState,
        outcome: DeliveryOutcome,
        why: str = "",
        *,
        receipt: Receipt | None = None,
        doubtful: bool = False,
        **values: Any,
    ) -> bool:
        now = self.clock.now()
        # What this attempt did not deliver, an earlier one still may have.
        doubtful = receipt is None and (doubtful or item.doubtful)
        if doubtful and state == "dead":
            state = "unknown"
        ours = outbox.finish(
            self.store,
            item.message,
            state,
            outcome,
            now,
            why=why,
            receipt=receipt,
            doubtful=doubtful,
            **values,
        )
        if ours:
            self.result.counts["postponed" if state == "queued" else state] += 1
        level = logging.INFO if state == "sent" else logging.WARNING
        log.log(
            level,
            "message %s" if ours else "message was taken over by another process",
            state,
            extra={
                "action": "message_attempted",
                "message_id": item.id,
                "campaign": item.message["campaign"],
                "channel": item.lane[0],
                "connection": item.connection,
                "outcome": outcome,
            },
        )
        return ours

    def _leave(self, item: Claimed, state: MessageState, why: str = "", **values: Any) -> None:
        """Leave a message that was not attempted in this state."""
        now = self.clock.now()
        with self.store.write() as transaction:
            self._put(transaction, item, state, now, reason=why, **values)

    def _put(
        self, transaction: Transaction, item: Claimed, state: MessageState, now: datetime, **values: Any
    ) -> None:
        if item.doubtful and state in ("suppressed", "expired", "dead", "awaiting_approval"):
            # It must not go out again, but an earlier attempt may have: only a person can tell.
            state = "unknown"
        outbox.put(transaction, item.message, state, now, **values)
        self.result.counts["postponed" if state == "queued" else state] += 1

    def _fail(self, lane: Lane, why: str) -> None:
        self.failures[lane] += 1
        if self.failures[lane] >= FAILURES_TO_PAUSE:
            self._pause(lane, why)

    def _pause(self, lane: Lane, why: str) -> None:
        self.result.paused[lane] = why
        log.warning(
            "channel paused",
            extra={"action": "channel_paused", "channel": lane[0], "connection": lane[1], "reason": why},
        )


def _unreachable(channel: Channel[Any], message: OutgoingMessage) -> str | None:
    try:
        return channel.reaches(message)
    except _FAULTS as error:
        return _told(error)


def _told(error: BaseException) -> str:
    """What the ledger keeps of an error: ours are written for people, another's text may hold anything."""
    return str(error)[:500] if isinstance(error, CrmsyncError) else type(error).__name__
