"""Messages of one lane on their way together: handed to the channel, and what became of each."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crmsync.care import outbox, reason
from crmsync.care.outbox import Claimed, Ended
from crmsync.sdk import (
    AuthError,
    Channel,
    Clock,
    CrmsyncError,
    OutgoingMessage,
    PermanentError,
    RateLimited,
    Receipt,
    Stopped,
    TransientError,
)
from crmsync.sdk.message import Idempotency
from crmsync.store.tables import DeliveryOutcome, MessageState

log = logging.getLogger("crmsync.care")

FAULTS = (Exception, SystemExit)
"""What a plugin can throw at us."""

MAX_ATTEMPTS = 8
BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=6)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Passenger:
    """A claimed message with what the channel is given of it."""

    item: Claimed
    message: OutgoingMessage

    @property
    def key(self) -> str:
        return str(self.item.message["key"])


Answer = Receipt | BaseException


def send_each(
    channel: Channel[Any], passengers: Sequence[Passenger], may_leave: Callable[[Passenger], bool]
) -> Iterator[tuple[Passenger, Answer | None]]:
    """What became of each, one after the other; None for one that `may_leave` kept back, as it was."""
    for passenger in passengers:
        if not may_leave(passenger):
            yield passenger, None
            continue
        try:
            answer: Answer = _checked(channel, channel.send(passenger.message, passenger.key))
        except FAULTS as error:
            answer = error
        yield passenger, answer


def send_batch(
    channel: Channel[Any], passengers: Sequence[Passenger], may_leave: Callable[[Passenger], bool]
) -> Iterator[tuple[Passenger, Answer | None]]:
    """The same in one call; an error that is raised holds for whoever has no answer yet."""
    aboard = [passenger for passenger in passengers if may_leave(passenger)]
    for passenger in passengers:
        if passenger not in aboard:
            yield passenger, None
    if not aboard:
        return
    left = iter(aboard)
    failure: BaseException = TypeError(f"{channel.name} gave fewer answers than messages")
    try:
        answers: Iterable[Any] = channel.send_many([(p.message, p.key) for p in aboard])
        for answer in answers:
            passenger = next(left, None)
            if passenger is None:
                log.error(
                    "channel gave too many answers",
                    extra={"action": "channel_failed", "channel": channel.name},
                )
                return
            yield passenger, answer if isinstance(answer, CrmsyncError) else _checked(channel, answer)
    except FAULTS as error:
        failure = error
    for passenger in left:
        yield passenger, failure


def _checked(channel: Channel[Any], receipt: Any) -> Answer:
    if isinstance(receipt, Receipt):
        return receipt
    return TypeError(f"{channel.name} returned no receipt")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer means: how the attempt ended, and what it says of the lane. `pause`: leave the lane
    alone, until `until` where that is known. `failed`: one failure more in a row."""

    ended: Ended
    pause: bool = False
    failed: bool = False
    until: datetime | None = None


class Judge:
    """Turns a channel's answers into verdicts."""

    def __init__(self, clock: Clock, jitter: random.Random) -> None:
        self._clock = clock
        self._jitter = jitter

    def verdict(self, item: Claimed, answer: Answer, idempotency: Idempotency) -> Verdict:
        """By the class of the error; what is no error of ours may have arrived."""
        if isinstance(answer, Receipt):
            return Verdict(self.sent(item, answer))
        why = told(answer)
        if isinstance(answer, RateLimited):
            now = self._clock.now()
            until = min(max(answer.until or now + BACKOFF, now), now + LONGEST_PAUSE)
            ended = self._ended(item, "queued", "refused", why, next_attempt_at=until)
            return Verdict(ended, pause=True, until=until)
        if isinstance(answer, AuthError):
            return Verdict(self._ended(item, "queued", "refused", why), pause=True)
        if isinstance(answer, PermanentError):
            return Verdict(self._ended(item, "dead", "dead", why))
        if isinstance(answer, TransientError):
            return Verdict(self._again(item, "failed", why), failed=True)
        if isinstance(answer, Stopped):
            # The session stops while it waits, not while a request is under way; a repeated key is free.
            return Verdict(self._ended(item, "queued", "failed", why, doubtful=idempotency != "none"))
        if not isinstance(answer, CrmsyncError):
            log.error(
                "channel failed",
                exc_info=answer,
                extra={"action": "channel_failed", "channel": item.lane[0], "message_id": item.id},
            )
        if idempotency == "none":
            return Verdict(self._ended(item, "unknown", "unconfirmed", why, doubtful=True), failed=True)
        wait = outbox.grace(idempotency)
        return Verdict(self._again(item, "unconfirmed", why, doubtful=True, wait=wait), failed=True)

    def sent(self, item: Claimed, receipt: Receipt, attempt: int | None = None) -> Ended:
        """Confirmed by the channel; `attempt` is the one that arrived, where a lookup found it."""
        return Ended(item, "sent", "sent", self._clock.now(), receipt=receipt, attempt=attempt)

    def later(
        self, item: Claimed, why: str, wait: timedelta = timedelta()
    ) -> tuple[MessageState, str, dict[str, Any]]:
        """Try again later, or give up: the state, why, and the row's other values."""
        attempts = item.message["attempts"] + 1
        longest = min(LONGEST_BACKOFF, BACKOFF * 2**attempts).total_seconds()
        at = self._clock.now() + wait + timedelta(seconds=self._jitter.uniform(1, longest))
        values = {"attempts": attempts, "next_attempt_at": at}
        if attempts >= MAX_ATTEMPTS:
            return "dead", f"{why} ({reason.TOO_MANY_ATTEMPTS})", values
        return "failed", why, values

    def _again(
        self,
        item: Claimed,
        outcome: DeliveryOutcome,
        why: str,
        *,
        doubtful: bool = False,
        wait: timedelta = timedelta(),
    ) -> Ended:
        state, why, values = self.later(item, why, wait)
        return self._ended(item, state, outcome, why, doubtful=doubtful, **values)

    def _ended(
        self,
        item: Claimed,
        state: MessageState,
        outcome: DeliveryOutcome,
        why: str,
        *,
        doubtful: bool = False,
        **values: Any,
    ) -> Ended:
        # What this attempt did not deliver, an earlier one still may have.
        doubtful = doubtful or item.doubtful
        if doubtful and state == "dead":
            state = "unknown"
        return Ended(item, state, outcome, self._clock.now(), why, doubtful=doubtful, **values)


def told(error: BaseException) -> str:
    """What the ledger keeps of an error: ours are written for people, another's text may hold anything."""
    return str(error)[:500] if isinstance(error, CrmsyncError) else type(error).__name__
