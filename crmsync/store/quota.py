"""Quotas shared by every process: one GCRA row each (generic cell rate algorithm, ITU-T I.371)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import text

from crmsync.sdk import Rate
from crmsync.store.database import Store
from crmsync.store.tables import from_instant, to_instant

_RESERVE = """
    INSERT INTO quota (name, next_at) VALUES (:name, :now + :interval)
    ON CONFLICT (name) DO UPDATE SET
        next_at = (CASE WHEN quota.next_at > :now THEN quota.next_at ELSE :now END) + :interval
    WHERE quota.next_at <= :latest
    RETURNING next_at
"""
_NEVER = 2**62
_HOLD = """
    INSERT INTO quota (name, next_at) VALUES (:name, :until)
    ON CONFLICT (name) DO UPDATE SET
        next_at = CASE WHEN quota.next_at > excluded.next_at THEN quota.next_at ELSE excluded.next_at END
"""


class StorePacer:
    """A `Pacer` whose slots are rows of the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def reserve(self, quota: str, rate: Rate, now: datetime) -> datetime:
        """Take the next free slot; the call may go out at the time returned."""
        slot = self.reserve_within(quota, rate, now, 1, None)
        assert slot is not None
        return slot

    def reserve_within(
        self, quota: str, rate: Rate, now: datetime, slots: int, wait: timedelta | None
    ) -> datetime | None:
        """Take so many slots in a row; the first call may go out at the time returned. None, and nothing
        is taken, when that would be later than `wait` from now."""
        interval = round(rate.interval * 1_000_000) * slots
        latest = _NEVER if wait is None else to_instant(now + wait)
        with self.store.write() as connection:
            next_at: int | None = connection.execute(
                text(_RESERVE),
                {"name": quota, "now": to_instant(now), "interval": interval, "latest": latest},
            ).scalar()
        return None if next_at is None else from_instant(next_at - interval)

    def next_slot(self, quota: str, now: datetime) -> datetime:
        """When the next call could go out."""
        query = text("SELECT next_at FROM quota WHERE name = :name")
        with self.store.read() as connection:
            next_at: int | None = connection.execute(query, {"name": quota}).scalar()
        return max(now, from_instant(next_at)) if next_at is not None else now

    def hold(self, quota: str, until: datetime) -> None:
        """Nobody calls on this quota before then."""
        with self.store.write() as connection:
            connection.execute(text(_HOLD), {"name": quota, "until": to_instant(until)})
