"""A clock that tests move by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A `crmsync.sdk.Clock` that stands still until it is moved; sleeping moves it at once.

    `sleeps` holds the seconds of every sleep, in order.
    """

    def __init__(self, now: datetime = datetime(2026, 6, 1, 4, tzinfo=UTC)) -> None:
        if now.tzinfo is None:
            raise ValueError("a FakeClock starts at an aware time")
        self._now = now.astimezone(UTC)
        self._lock = threading.Lock()
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        if stop is not None and stop.is_set():
            return
        with self._lock:
            self.sleeps.append(seconds)
            self._now += timedelta(seconds=max(seconds, 0.0))

    def advance(self, span: timedelta) -> None:
        """Move it without recording a sleep."""
        with self._lock:
            self._now += span
