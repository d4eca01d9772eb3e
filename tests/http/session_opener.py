"""What opens sessions on a clock that moves only when slept on."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from crmsync.sdk import HttpSession, Limits, MemoryPacer, Patience, Wait


class SleepingClock:
    """Passes time by sleeping alone."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


@dataclass
class Http:
    """Builds sessions on one clock and one pacer."""

    clock: SleepingClock = field(default_factory=SleepingClock)
    pacer: MemoryPacer = field(default_factory=MemoryPacer)
    waits: list[Wait] = field(default_factory=list)
    opened: list[HttpSession] = field(default_factory=list)

    def open(self, **options: object) -> HttpSession:
        options.setdefault("limits", Limits(connect=5, read=0.5, total=0.8))
        options.setdefault("patience", Patience(tries=4))
        session = HttpSession(
            connection="shop",
            clock=self.clock,
            pacer=self.pacer,
            on_wait=self.waits.append,
            **options,  # type: ignore[arg-type]
        )
        self.opened.append(session)
        return session
