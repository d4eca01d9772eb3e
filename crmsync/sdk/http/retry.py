"""When a failed call is worth another try, and how long to wait before it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import requests
import tenacity

from crmsync.sdk.errors import CrmsyncError, RateLimited, TransientError
from crmsync.sdk.http.failure import Call
from crmsync.sdk.http.waiting import Waiter

log = logging.getLogger("crmsync.http")


@dataclass(frozen=True, slots=True)
class Patience:
    """How much one call may cost before the run goes on without it. Times in seconds.

    Waits of our own grow from `base` by twos up to `longest`, each drawn at random below that (full
    jitter), and end with `budget`, which pacing does not touch. Waits the platform asks for are kept to
    the second and counted apart, up to `longest_asked` in all: beyond it the caller learns until when,
    and can do other work.
    """

    tries: int = 6
    base: float = 1
    longest: float = 300
    budget: float = 600
    longest_asked: float = 3600


class Retry:
    """The tries of one call."""

    def __init__(self, call: Call, patience: Patience, waiter: Waiter) -> None:
        self._call = call
        self._patience = patience
        self._waiter = waiter
        self._begun: datetime | None = None
        self._asked = 0.0
        self._reason = ""
        self._jitter = tenacity.wait_random_exponential(
            multiplier=patience.base, max=patience.longest, min=patience.base / 10
        )

    def run(self, attempt: Callable[[], requests.Response]) -> requests.Response:
        """What the first successful attempt returns, or the error of the last one."""
        self._begun = self._waiter.clock.now()
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((TransientError, RateLimited)),
            wait=self._pause,
            stop=self._enough,
            before_sleep=self._announce,
            sleep=self._sleep,
            reraise=True,
        )(attempt)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        asked = self._until(state)
        if asked is None:
            return self._jitter(state)
        return max((asked - self._waiter.clock.now()).total_seconds(), 0)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        if state.attempt_number >= self._patience.tries:
            return True
        if self._until(state) is not None:
            return self._asked + state.upcoming_sleep > self._patience.longest_asked
        assert self._begun is not None
        spent = (self._waiter.clock.now() - self._begun).total_seconds() - self._asked - self._call.paced
        return spent + state.upcoming_sleep > self._patience.budget

    def _announce(self, state: tenacity.RetryCallState) -> None:
        error = _error(state)
        asked = self._until(state)
        if asked is not None:
            self._asked += state.upcoming_sleep
        self._reason = f"{self._call.answered}, try {state.attempt_number + 1} of {self._patience.tries}"
        self._call.attempt = state.attempt_number + 1
        log.warning(
            "%s Trying again in %.1f s.",
            error.what,
            state.upcoming_sleep,
            extra={
                "action": "http_retry",
                "connection": self._call.connection,
                "attempt": state.attempt_number,
                "error_code": error.code,
                "wait_s": round(state.upcoming_sleep, 3),
            },
        )

    def _sleep(self, seconds: float) -> None:
        self._waiter.pause(seconds, self._reason)

    def _until(self, state: tenacity.RetryCallState) -> datetime | None:
        error = _error(state)
        return error.until if isinstance(error, RateLimited) else None


def _error(state: tenacity.RetryCallState) -> CrmsyncError:
    error = state.outcome.exception() if state.outcome is not None else None
    assert isinstance(error, CrmsyncError)
    return error
