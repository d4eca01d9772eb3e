"""Pacing: calls spaced so that a platform's quota is kept, and what a caller waits for."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from crmsync.sdk.settings import Rate


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause before the next call: until when, and why (`pacing 2/s`, `429 from the platform`)."""

    until: datetime
    reason: str


class Pacer(Protocol):
    """Spaces the calls on one quota, for every process that shares it."""

    def reserve(self, quota: str, rate: Rate, now: datetime) -> datetime:
        """Take the next free slot of the quota; the call may go out at the time returned."""
        ...

    def hold(self, quota: str, until: datetime) -> None:
        """The platform said no: nobody calls on this quota before then."""
        ...


class MemoryPacer:
    """A pacer for one process: the generic cell rate algorithm without a burst.

    No two slots of a quota are nearer than the rate's interval, so that no window of time, however
    it is laid, holds more calls than the platform allows.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: dict[str, datetime] = {}

    def reserve(self, quota: str, rate: Rate, now: datetime) -> datetime:
        # Rounded up to whole microseconds: a datetime cannot hold a third of a second, and rounding
        # down would let one call too many through in the long run.
        interval = timedelta(microseconds=math.ceil(round(rate.interval * 1e6, 3)))
        with self._lock:
            slot = max(self._free.get(quota, now), now)
            self._free[quota] = slot + interval
        return slot

    def hold(self, quota: str, until: datetime) -> None:
        with self._lock:
            self._free[quota] = max(self._free.get(quota, until), until)
