"""Pacing: calls spaced so that a platform's quota is kept, and what a caller waits for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
