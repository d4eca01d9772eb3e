"""The segments as the faces show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from crmsync.store import Store
from crmsync.store.tables import Segment, SegmentMember

_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment with its members now, and who came and went in the last seven days.

    `refreshed_at` is None before the first refresh.
    """

    name: str
    selection: str
    members: int
    entered: int
    left: int
    refreshed_at: datetime | None


def list_segments(store: Store, segments: Mapping[str, str], now: datetime) -> list[KnownSegment]:
    """The configured segments, in the configuration's order."""
    m, recently = SegmentMember, now - _RECENT

    def count(condition: object) -> object:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    counts = select(
        m.segment, count(m.left_at.is_(None)), count(m.entered_at > recently), count(m.left_at > recently)
    ).group_by(m.segment)
    with store.read() as connection:
        known = {name: tuple(map(int, rest)) for name, *rest in connection.execute(counts)}
        open_ones = select(Segment.name, Segment.refreshed_at).where(Segment.closed_at.is_(None))
        refreshed = dict(connection.execute(open_ones).all())
    return [
        KnownSegment(name, selection, *known.get(name, (0, 0, 0)), refreshed.get(name))
        for name, selection in segments.items()
    ]
