"""Due messages go out, each checked at the last moment and each outcome written down at once."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection as Transaction

from crmsync.care import outbox, reason
from crmsync.care.addressee import outgoing
from crmsync.care.breaker import Breaker
from crmsync.care.flight import FAULTS, Judge, Passenger, send_batch, send_each, told
from crmsync.care.gate import Gate, Refusal
from crmsync.care.link import Links
from crmsync.care.outbox import Claimed, Ended, Lane
from crmsync.care.pace import Pace
from crmsync.care.permission import Terms
from crmsync.config import Campaign, Limits
from crmsync.sdk import Channel, Clock, OutgoingMessage, Rate, SentMessage, Veto
from crmsync.sdk.message import Idempotency
from crmsync.store import Store
from crmsync.store.tables import MessageState

log = logging.getLogger("crmsync.care")

BATCH = 100
FLIGHT = 25
"""So many messages of a channel that can tell what became of a key are begun in one transaction."""
FRESH = timedelta(milliseconds=500)
"""So long at the most should pass from the check of a message to its sending."""
PATIENCE = timedelta(seconds=30)
"""How long one pass waits for channels whose rate is used up; the next pass goes on."""


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
    batch: int = BATCH,
    at_most: int = 1_000,
    jitter: random.Random | None = None,
    terms: Terms | None = None,
    links: Links | None = None,
    rates: Mapping[str, Rate] | None = None,
) -> DeliveryResult:
    """Send what is due, up to `at_most` messages; then the caller looks at its configuration again.

    Messages of campaigns that are not enabled and of channels that are not there stay where they
    are. `review` may hold a message with a Veto or an error. When `stop` is set the message in hand
    is finished and nothing stays claimed. `terms` is what counts as permission, `links` what messages
    carry for unsubscribing, `rates` how often each channel may send.
    """
    store.analyze_new()
    return _Pass(
        store,
        campaigns,
        channels,
        limits,
        clock,
        stop or threading.Event(),
        review,
        on_sent,
        jitter,
        terms or Terms.of(store),
        links,
        rates or {},
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
        terms: Terms,
        links: Links | None,
        rates: Mapping[str, Rate],
    ) -> None:
        self.store = store
        self.campaigns = {c.name: c for c in campaigns if c.enabled}
        self.channels = channels
        self.limits = limits
        self.clock = clock
        self.stop = stop
        self.review = review
        self.on_sent = on_sent
        self.links = links
        self.judge = Judge(clock, jitter or random.Random())
        self.gate = Gate(terms, self.campaigns, limits)
        self.breaker = Breaker(store, clock.now())
        self.pace = Pace(store, rates)
        self.result = DeliveryResult()
        self.aside: dict[Lane, datetime] = {}
        self.waited = timedelta()
        self.seconds_each: dict[Lane, float] = {}
        self.ended: list[Ended] = []

    def run(self, batch: int, at_most: int) -> DeliveryResult:
        self.result.counts["expired"] += outbox.expire(self.store, self.clock.now())
        left = 0 if self.limits.stop else at_most
        while left > 0 and not self.stop.is_set():
            claimed = outbox.claim(
                self.store,
                self.campaigns,
                self.channels,
                [*self.breaker.open, *self.aside],
                self.clock.now(),
                min(batch, left),
            )
            if claimed:
                left -= self._work_off(claimed)
            elif not self._wait_for_a_slot():
                break
        self.result.more = (left <= 0 or bool(self.aside)) and not self.limits.stop
        self.result.paused = dict(self.breaker.open)
        self.result.counts = +self.result.counts
        return self.result

    def _wait_for_a_slot(self) -> bool:
        """Wait until a lane that was put aside may send again; False when that takes too long."""
        if not self.aside:
            return False
        now = self.clock.now()
        wait = max(min(self.aside.values()) - now, timedelta())
        if self.waited + wait > PATIENCE:
            return False
        self.clock.sleep(wait.total_seconds(), self.stop)
        self.waited += wait
        self.aside = {lane: at for lane, at in self.aside.items() if at > self.clock.now()}
        return True

    def _work_off(self, claimed: list[Claimed]) -> int:
        """Send these, lane by lane; how many were not put back untouched."""
        in_hand = {item.id: item for item in claimed}
        lanes: dict[Lane, list[Claimed]] = {}
        for item in claimed:
            lanes.setdefault(item.lane, []).append(item)
        try:
            for lane, items in lanes.items():
                for done in self._lane(lane, items):
                    del in_hand[done.id]
        finally:
            # Those whose step failed go back too: the row itself says when it may have left.
            self._write_down()
            outbox.release(self.store, [item.message for item in in_hand.values()], self.clock.now())
        return len(claimed) - len(in_hand)

    def _lane(self, lane: Lane, items: list[Claimed]) -> Iterator[Claimed]:
        """Send what may be sent of one lane, yielding each message that needs nothing more."""
        channel = self.channels[lane[0]]
        try:
            idempotency = channel.idempotency_for(lane[1])
        except FAULTS as error:
            self.breaker.trip(lane, told(error), self.clock.now())
            return
        waiting = list(items)
        while waiting and self._usable(lane):
            size = self._flight_size(lane, channel, idempotency)
            boarding, waiting = waiting[:size], waiting[size:]
            passengers = []
            for item in boarding:
                message = self._prepared(item, channel, idempotency)
                if message is None:
                    yield item
                else:
                    passengers.append(Passenger(item, message))
            if not passengers:
                continue
            start = self.pace.take(lane[0], len(passengers), self.clock.now())
            if start is None:
                self.aside[lane] = self.pace.next_slot(lane[0], self.clock.now())
                break
            if start > self.clock.now():
                self._write_down()
            yield from self._fly(lane, channel, passengers, waiting, idempotency, start)
        self._write_down()

    def _usable(self, lane: Lane) -> bool:
        return not self.stop.is_set() and lane not in self.breaker.open and lane not in self.aside

    def _flight_size(self, lane: Lane, channel: Channel[Any], idempotency: Idempotency) -> int:
        """How many to begin at once. Where a doubtful message is left to a person, one: a crash must
        leave no more in doubt than it has to."""
        if self.breaker.probing(lane):
            return 1
        if channel.batch_size > 1:
            return self.pace.at_once(lane[0], channel.batch_size)
        if idempotency == "none":
            return 1
        fresh = FRESH.total_seconds() / max(self.seconds_each.get(lane, 0.1), 1e-6)
        return self.pace.at_once(lane[0], max(1, min(FLIGHT, int(fresh))))

    def _prepared(
        self, item: Claimed, channel: Channel[Any], idempotency: Idempotency
    ) -> OutgoingMessage | None:
        """What the channel is given; None when the message is settled without being sent."""
        if item.doubtful and not self._may_repeat(item, channel, idempotency):
            return None
        if item.account is None:
            self._leave(item, "suppressed", reason.ACCOUNT_GONE)
            return None
        message = outgoing(item.message, item.account, self.links)
        if (unreachable := _unreachable(channel, message)) is not None:
            self._leave(item, "suppressed", unreachable)
            return None
        return None if self._held(item, message) else message

    def _fly(
        self,
        lane: Lane,
        channel: Channel[Any],
        passengers: list[Passenger],
        ahead: Sequence[Claimed],
        idempotency: Idempotency,
        start: datetime,
    ) -> Iterator[Claimed]:
        """Check and begin all of them in one transaction, then send them. `ahead` are those that follow."""
        self._sleep_until(start)
        now = self.clock.now()
        items = [passenger.item for passenger in passengers]
        with self.store.write() as transaction:
            told_of = self._finish(transaction)
            refused = self.gate.refusals(transaction, items, now, ahead)
            for item in items:
                if item.id in refused:
                    self._refuse(transaction, item, refused[item.id], now)
            let_through = [item for item in items if item.id not in refused]
            begun = outbox.begin(transaction, let_through, idempotency, now)
        self._tell(told_of)
        if len(begun) < len(let_through):
            self.gate.forget()
        yield from (item for item in items if item.id not in begun)
        aboard = [passenger for passenger in passengers if passenger.item.id in begun]
        if not aboard:
            return
        kept_back: list[Claimed] = []
        begin = self.clock.now()
        send = send_batch if channel.batch_size > 1 else send_each
        slots = iter(range(len(aboard)))

        def may_leave(passenger: Passenger) -> bool:
            if not self._usable(lane):
                return False
            if channel.batch_size == 1:
                self._sleep_until(start + next(slots) * self.pace.interval(lane[0]))
            return self.gate.still_open(passenger.item, self.clock.now())

        for passenger, answer in send(channel, aboard, may_leave):
            if answer is None:
                kept_back.append(passenger.item)
                continue
            verdict = self.judge.verdict(passenger.item, answer, idempotency)
            self.ended.append(verdict.ended)
            if not verdict.ended.may_have_arrived:
                self.gate.forget()
            self._learn(lane, verdict.ended, verdict.pause, verdict.failed, verdict.until)
            yield passenger.item
        self.seconds_each[lane] = (self.clock.now() - begin).total_seconds() / len(aboard)
        if kept_back:
            with self.store.write() as transaction:
                outbox.take_back(transaction, kept_back, self.clock.now())
            self.gate.forget()

    def _learn(self, lane: Lane, ended: Ended, pause: bool, failed: bool, until: datetime | None) -> None:
        """What this answer says of the lane."""
        now = self.clock.now()
        if until is not None:
            # The channel says itself when to come back: it is busy, not broken.
            self._write_down()
            self.breaker.open[lane] = ended.why
            outbox.hold_lane(self.store, lane, until)
        elif pause:
            self._write_down()
            self.breaker.trip(lane, ended.why, now)
        elif failed:
            self.breaker.failed(lane, ended.why, now)
        elif ended.state == "sent":
            self.breaker.worked(lane)

    def _sleep_until(self, at: datetime) -> None:
        wait = (at - self.clock.now()).total_seconds()
        if wait > 0:
            self.clock.sleep(wait, self.stop)

    def _may_repeat(self, item: Claimed, channel: Channel[Any], idempotency: Idempotency) -> bool:
        """Settle a doubtful message as far as it can be; True when it may be sent (again)."""
        with self.store.read() as transaction:
            promised, attempt = outbox.last_attempt(transaction, item.id)
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
        except FAULTS as error:
            state, why, values = self.judge.later(item, told(error))
            self._leave(item, state, why, **values)
            return False
        if receipt is not None:
            self.ended.append(self.judge.sent(item, receipt, attempt))
            self._write_down()
            return False
        with self.store.write() as transaction:
            outbox.settle(transaction, item.message)
        self.gate.forget()
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
        except FAULTS as error:
            held, why = "error", f"{type(error).__name__} in a plugin's review"
            log.exception("review failed", extra={"action": "review_failed", "message_id": item.id})
        self._leave(item, "awaiting_approval", why, held=held)
        return True

    def _write_down(self) -> None:
        """Record what has ended and is not recorded yet."""
        if not self.ended:
            return
        with self.store.write() as transaction:
            told_of = self._finish(transaction)
        self._tell(told_of)

    def _finish(self, transaction: Transaction) -> list[tuple[Ended, bool]]:
        """Record what has ended, each with whether the message was still ours."""
        ended, self.ended = self.ended, []
        ours = outbox.finish(transaction, ended)
        return [(end, end.item.id in ours) for end in ended]

    def _tell(self, ended: list[tuple[Ended, bool]]) -> None:
        """Count and announce what is recorded now."""
        for end, ours in ended:
            item = end.item
            log.log(
                logging.INFO if end.state == "sent" else logging.WARNING,
                "message %s" if ours else "message was taken over by another process",
                end.state,
                extra={
                    "action": "message_attempted",
                    "message_id": item.id,
                    "campaign": item.message["campaign"],
                    "channel": item.lane[0],
                    "connection": item.connection,
                    "outcome": end.outcome,
                },
            )
            if not ours:
                continue
            self.result.counts["postponed" if end.state == "queued" else end.state] += 1
            if end.receipt is not None:
                self.result.repeated += end.receipt.repeated
                self._announce(end)

    def _announce(self, end: Ended) -> None:
        if self.on_sent is None or end.receipt is None:
            return
        message = end.item.message
        sent = SentMessage(
            end.item.id,
            message["campaign"],
            message["channel"],
            end.item.connection,
            end.receipt.reference,
            end.receipt.at or end.at,
        )
        try:
            self.on_sent(sent)
        except FAULTS:
            log.exception("event hook failed", extra={"action": "event_failed", "message_id": end.item.id})

    def _refuse(self, transaction: Transaction, item: Claimed, refusal: Refusal, now: datetime) -> None:
        later = {"next_attempt_at": refusal.until} if refusal.until else {}
        self._put(transaction, item, refusal.state, now, reason=refusal.why, **later)

    def _leave(self, item: Claimed, state: MessageState, why: str = "", **values: Any) -> None:
        """Leave a message that was not attempted in this state."""
        with self.store.write() as transaction:
            self._put(transaction, item, state, self.clock.now(), reason=why, **values)

    def _put(
        self, transaction: Transaction, item: Claimed, state: MessageState, now: datetime, **values: Any
    ) -> None:
        if item.doubtful and state in ("suppressed", "expired", "dead", "awaiting_approval"):
            # It must not go out again, but an earlier attempt may have: only a person can tell.
            state = "unknown"
        if outbox.put(transaction, item.message, state, now, **values):
            self.result.counts["postponed" if state == "queued" else state] += 1


def _unreachable(channel: Channel[Any], message: OutgoingMessage) -> str | None:
    try:
        return channel.reaches(message)
    except FAULTS as error:
        return told(error)
