"""Lanes that do not work are left alone, ever longer, and tried with one message at a time."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from crmsync.care.outbox import Lane
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.store.upsert import upsert

log = logging.getLogger("crmsync.care")

FAILURES_TO_OPEN = 5
"""So many in a row, of the kind that another message would meet too."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class BrokenLane:
    """A lane that is left alone until `open_until`, and why."""

    channel: str
    connection: str
    pauses: int
    reason: str
    since: datetime
    open_until: datetime


def broken_lanes(store: Store) -> list[BrokenLane]:
    """The lanes that do not work, the longest broken first."""
    with store.read() as transaction:
        rows = transaction.execute(
            select(*t.Lane.__table__.columns).order_by(t.Lane.since)  # type: ignore[attr-defined]
        )
        return [BrokenLane(*row) for row in rows]


def reset_lane(store: Store, lane: Lane) -> bool:
    """Let it be used again at once, because a person has mended it. Returns whether it was broken."""
    with store.write() as transaction:
        channel, connection = lane
        broken = delete(t.Lane).where(t.Lane.channel == channel, t.Lane.connection == connection)
        return transaction.execute(broken).rowcount > 0


class Breaker:
    """The state of the lanes for one pass, kept in the store between passes and processes."""

    def __init__(self, store: Store, now: datetime) -> None:
        self._store = store
        self._known = {(lane.channel, lane.connection): lane for lane in broken_lanes(store)}
        self._failures: Counter[Lane] = Counter()
        # A lane that is tried again has one try.
        self._failures.update(dict.fromkeys(self._known, FAILURES_TO_OPEN - 1))
        self.open: dict[Lane, str] = {
            lane: broken.reason for lane, broken in self._known.items() if broken.open_until > now
        }

    def probing(self, lane: Lane) -> bool:
        """Whether this lane was broken and has not worked since."""
        return lane in self._known

    def worked(self, lane: Lane) -> None:
        self._failures[lane] = 0
        if self._known.pop(lane, None) is not None:
            reset_lane(self._store, lane)
            log.info(
                "channel works again",
                extra={"action": "channel_mended", "channel": lane[0], "connection": lane[1]},
            )

    def failed(self, lane: Lane, why: str, now: datetime) -> bool:
        """Count a failure; whether the lane is open now."""
        self._failures[lane] += 1
        if self._failures[lane] >= FAILURES_TO_OPEN:
            self.trip(lane, why, now)
        return lane in self.open

    def trip(self, lane: Lane, why: str, now: datetime) -> None:
        """Leave this lane alone, twice as long as the last time."""
        before = self._known.get(lane)
        pauses = before.pauses + 1 if before else 1
        # The first time it is left alone for the rest of the pass.
        until = now + min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(pauses - 2, 10)) if pauses > 1 else now
        broken = BrokenLane(*lane, pauses, why, before.since if before else now, until)
        row = {name: getattr(broken, name) for name in BrokenLane.__slots__}
        with self._store.write() as transaction:
            insert = upsert(self._store, t.Lane, row)
            transaction.execute(
                insert.on_conflict_do_update(
                    index_elements=["channel", "connection"],
                    set_={name: insert.excluded[name] for name in ("pauses", "reason", "open_until")},
                )
            )
        self._known[lane] = broken
        self.open[lane] = why
        log.warning(
            "channel paused",
            extra={
                "action": "channel_paused",
                "channel": lane[0],
                "connection": lane[1],
                "reason": why,
                "until": until,
            },
        )
