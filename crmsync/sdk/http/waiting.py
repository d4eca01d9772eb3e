"""Waiting that a person can see and a shutdown can cut short."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from crmsync.sdk.clock import Clock
from crmsync.sdk.errors import Stopped
from crmsync.sdk.http.pacing import Wait

_WORTH_TELLING = 0.5  # seconds; a shorter pause would only make a display flicker


class Waiter:
    """Sleeps on the host's clock."""

    def __init__(
        self, clock: Clock, stop: threading.Event | None, on_wait: Callable[[Wait], None] | None
    ) -> None:
        self.clock = clock
        self._stop = stop
        self._on_wait = on_wait

    def pause(self, seconds: float, reason: str) -> None:
        """Wait that long, telling `on_wait` of the longer pauses. Raises Stopped when asked to stop."""
        self.check()
        if seconds <= 0:
            return
        if seconds > _WORTH_TELLING and self._on_wait is not None:
            self._on_wait(Wait(self.clock.now() + timedelta(seconds=seconds), reason))
        self.clock.sleep(seconds, self._stop)
        self.check()

    def until(self, time: datetime, reason: str) -> None:
        """Wait until then."""
        self.pause((time - self.clock.now()).total_seconds(), reason)

    def check(self) -> None:
        """Raise Stopped when the process was asked to stop."""
        if self._stop is not None and self._stop.is_set():
            raise Stopped()
