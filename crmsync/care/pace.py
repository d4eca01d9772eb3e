"""How often a channel may send, kept in the store so that it holds over all processes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from crmsync.sdk import Rate
from crmsync.store import Store
from crmsync.store.quota import StorePacer

MOMENT = timedelta(seconds=1)
"""What is waited for on the spot; a lane that must wait longer lets the others go first."""


class Pace:
    """The slots of the channels that have a rate."""

    def __init__(self, store: Store, rates: Mapping[str, Rate]) -> None:
        self._pacer = StorePacer(store)
        self._rates = rates

    def at_once(self, channel: str, most: int) -> int:
        """How many slots are worth taking at once: what goes out within a moment, and one at the least."""
        rate = self._rates.get(channel)
        return most if rate is None else max(1, min(most, int(MOMENT.total_seconds() / rate.interval)))

    def interval(self, channel: str) -> timedelta:
        """The time between two messages."""
        rate = self._rates.get(channel)
        return timedelta() if rate is None else timedelta(seconds=rate.interval)

    def take(self, channel: str, slots: int, now: datetime) -> datetime | None:
        """From when so many messages may go out, an interval apart; None when the wait is too long."""
        rate = self._rates.get(channel)
        if rate is None:
            return now
        return self._pacer.reserve_within(_quota(channel), rate, now, slots, MOMENT)

    def next_slot(self, channel: str, now: datetime) -> datetime:
        """When the next message could go out."""
        return self._pacer.next_slot(_quota(channel), now) if channel in self._rates else now


def _quota(channel: str) -> str:
    # What a channel's own session takes has names of its own.
    return f"pace:{channel}"
