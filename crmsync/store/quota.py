"""Quotas shared by every process: one GCRA row each (generic cell rate algorithm, ITU-T I.371)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from crmsync.sdk import Rate
from crmsync.store.database import Store
from crmsync.store.tables import from_instant, to_instant

_RESERVE = """
    INSERT INTO quota (name, next_at) VALUES (:name, :now + :interval)
    ON CONFLICT (name) DO UPDATE SET
        next_at = (CASE WHEN quota.next_at > :now THEN quota.next_at ELSE :now END) + :interval
    RETURNING next_at
"""
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
        interval = round(rate.interval * 1_000_000)
        with self.store.write() as connection:
            next_at: int = connection.execute(
                text(_RESERVE),
                {"name": quota, "now": to_instant(now), "interval": interval},
            ).scalar_one()
        return from_instant(next_at - interval)

    def hold(self, quota: str, until: datetime) -> None:
        """Nobody calls on this quota before then."""
        with self.store.write() as connection:
            connection.execute(text(_HOLD), {"name": quota, "until": to_instant(until)})
