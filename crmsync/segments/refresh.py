"""Bringing the segments up to date with facts, flags and the clock.

A refresh looks at the customers whose facts or flags have changed since the last one, and at **all**
when a segment is new or says something else, when the clock went back, and, where a segment follows the
clock, when the last look at all is an hour old.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, bindparam, insert, select, text, update

from crmsync.config.selection import Selection, flags_in, follows_the_clock, parse
from crmsync.insight import REFUSING, facts_of, last_refresh, load_facts
from crmsync.sdk import Facts
from crmsync.segments import flags
from crmsync.segments.evaluate import Flags, holds
from crmsync.store import Store
from crmsync.store.bulk import Bulk
from crmsync.store.tables import Segment, SegmentMember, to_instant

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

log = logging.getLogger("crmsync.segments")

FULL_AFTER = timedelta(hours=1)
# Any number, the same in every process: two refreshes at once would do the work twice.
_LOCK = 0x63726D67
_STAYS = Bulk(SegmentMember, ("segment", "customer_id", "entered_at", "left_at"))


@dataclass(frozen=True, slots=True)
class SegmentResult:
    """What a refresh did to one segment; `members` are those inside after it."""

    segment: str
    members: int
    entered: int
    left: int
    judged: int
    full: bool


def refresh_segments(store: Store, segments: Mapping[str, str], now: datetime) -> dict[str, SegmentResult]:
    """Bring every segment's membership up to date, and close those that are configured no more.

    `segments` are selections by name. Raises InvalidSelection when one means nothing.
    """
    selections = {name: parse(selection) for name, selection in segments.items()}
    with store.read() as connection:
        known = {row.name: row for row in connection.execute(select(*Segment.__table__.columns))}  # type: ignore[attr-defined]
        event = flags.last_event(connection)
    if not selections and not any(row.closed_at is None for row in known.values()):
        return {}
    # Both asked for before any fact is read: what changes meanwhile is looked at the next time.
    refresh = last_refresh(store)
    full = any(_due(known.get(name), segments[name], each, now) for name, each in selections.items())
    facts = _facts(store, [known[name] for name in selections] if not full else None, selections, now)
    rules = {rule for each in selections.values() for rule in flags_in(each)}
    results = {}
    with store.write(lock=_LOCK) as connection:
        standing = flags.standing(connection, sorted(rules), None if full else list(facts.ids))
        _let_out_refusing(connection, now)
        for name, selection in selections.items():
            _remember(connection, name, segments[name], known.get(name), refresh, event, now, full=full)
            results[name] = _settle(connection, name, selection, facts, standing, now, full=full)
        _close(connection, [row.name for row in known.values() if row.name not in selections], now)
    log.info(
        "segments refreshed",
        extra={"action": "segments_refreshed", "judged": len(facts), "full": full, "segments": len(results)},
    )
    return results


def _due(row: Row[Any] | None, text: str, selection: Selection, now: datetime) -> bool:
    """Whether all customers must be looked at for this segment."""
    if row is None or row.closed_at is not None or row.selection != text:
        return True
    age = now - row.full_at
    return age < timedelta() or (age >= FULL_AFTER and follows_the_clock(selection))


def _facts(
    store: Store, rows: list[Row[Any]] | None, selections: Mapping[str, Selection], now: datetime
) -> Facts:
    """The facts of everybody (no rows), or of those who may have come to belong elsewhere since the rows."""
    if rows is None:
        return load_facts(store, "customer", now)
    rules = sorted({rule for each in selections.values() for rule in flags_in(each)})
    refresh, event = min((r.refresh_id for r in rows), default=0), min((r.event_id for r in rows), default=0)
    with store.read() as connection:
        changed = set(
            connection.scalars(
                text(
                    "SELECT CAST(customer_id AS TEXT) FROM customer_fact"
                    " WHERE refresh_id > :since OR scored_id > :since"
                ),
                {"since": refresh},
            )
        )
        changed |= flags.changed_since(connection, event, rules) if rules else set()
    return facts_of(store, "customer", changed if rows else (), now)


def _settle(
    connection: Connection,
    name: str,
    selection: Selection,
    facts: Facts,
    standing: Mapping[str, Flags],
    now: datetime,
    *,
    full: bool,
) -> SegmentResult:
    """Let in who belongs and is outside, and out who does not and is inside."""
    import numpy as np

    judged = facts.ids.astype(np.int64)
    fitting = judged[holds(selection, facts, standing, now)] if len(facts) else judged
    inside = np.fromiter(
        connection.scalars(
            select(SegmentMember.customer_id).where(
                SegmentMember.segment == name, SegmentMember.left_at.is_(None)
            )
        ),
        np.int64,
    )
    entering = np.setdiff1d(fitting, inside)
    leaving = np.setdiff1d(inside if full else np.intersect1d(inside, judged), fitting)
    at = to_instant(now)
    _STAYS.insert(connection, [(name, customer, at, None) for customer in entering.tolist()])
    if len(leaving):
        connection.execute(
            update(SegmentMember)
            .where(
                SegmentMember.segment == name,
                SegmentMember.customer_id == bindparam("customer"),
                SegmentMember.left_at.is_(None),
            )
            .values(left_at=now),
            [{"customer": customer} for customer in leaving.tolist()],
        )
    members = len(inside) + len(entering) - len(leaving)
    return SegmentResult(name, members, len(entering), len(leaving), len(facts), full)


def _remember(
    connection: Connection,
    name: str,
    selection: str,
    row: Row[Any] | None,
    refresh: int,
    event: int,
    now: datetime,
    *,
    full: bool,
) -> None:
    values = {
        "selection": selection,
        "refresh_id": refresh,
        "event_id": event,
        "refreshed_at": now,
        "full_at": now if full or row is None else row.full_at,
        "closed_at": None,
    }
    if row is None:
        connection.execute(insert(Segment).values(name=name, **values))
    else:
        connection.execute(update(Segment).where(Segment.name == name).values(**values))


def _let_out_refusing(connection: Connection, now: datetime) -> None:
    connection.execute(
        text(
            f"UPDATE segment_member SET left_at = :now WHERE left_at IS NULL AND customer_id IN ({REFUSING})"
        ),
        {"now": to_instant(now)},
    )


def _close(connection: Connection, names: list[str], now: datetime) -> None:
    for table, key, end in (
        (SegmentMember, SegmentMember.segment, SegmentMember.left_at),
        (Segment, Segment.name, Segment.closed_at),
    ):
        connection.execute(update(table).where(key.in_(names), end.is_(None)).values({end: now}))
