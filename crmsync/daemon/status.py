"""What there is to say in one screen: every stream, what waits, what failed, what is queued."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row, func, select

from crmsync.care import ledger
from crmsync.config import Config, Schedule
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.sync.quarantine import quarantine_counts

StreamState = Literal["in sync", "behind", "running", "waiting", "partial", "failed", "stopped", "never ran"]

LATE = 3
"""So many of its intervals without a complete walk make a stream count as behind."""


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream of one connection.

    `synced_at`: when a walk last reached the platform's end. `lag_seconds`: how long ago that was.
    `waiting_until` and `waiting_reason`: the pause the run at work is in. `reason`: why the last run
    did not end well, or what it left in quarantine.
    """

    connection: str
    stream: str
    state: StreamState
    synced_at: datetime | None = None
    lag_seconds: float | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    pulled: int = 0
    inserted: int = 0
    updated: int = 0
    waiting_until: datetime | None = None
    waiting_reason: str | None = None
    reason: str = ""
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection; without streams it has never run. `configured` is false for one that was taken out."""

    id: str
    configured: bool
    enabled: bool
    shop: str | None = None
    schedule: str = ""
    streams: tuple[StreamStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """Everything at `at`. `flags` are standing ones by rule, `messages` all ever planned, by state;
    `audited` is how many entries the audit has, which never becomes fewer."""

    at: datetime
    connections: tuple[ConnectionStatus, ...]
    flags: Mapping[str, int]
    messages: Mapping[str, int]
    oldest_due_at: datetime | None
    quarantined: int
    audited: int

    @property
    def streams(self) -> list[StreamStatus]:
        return [stream for connection in self.connections for stream in connection.streams]


def read_status(store: Store, config: Config, now: datetime) -> Status:
    """The status from what the stages left in the store."""
    quarantine = quarantine_counts(store)
    with store.read() as reading:
        rows = reading.execute(_LATEST_RUNS).all()
        shops = {row.name: row.shop for row in reading.execute(select(t.Connection.name, t.Connection.shop))}
        standing = select(t.Flag.rule, func.count()).where(t.Flag.cleared_at.is_(None)).group_by(t.Flag.rule)
        flags = dict(reading.execute(standing).all())
        audited = reading.execute(select(func.count()).select_from(t.Audit)).scalar_one()
    messages = ledger(store, now)
    schedules = {entry.id: entry.schedule for entry in config.connections}
    streams: dict[str, list[StreamStatus]] = {}
    for row in rows:
        streams.setdefault(row.connection, []).append(
            _stream(row, schedules.get(row.connection), quarantine, now)
        )
    connections = [
        ConnectionStatus(
            entry.id,
            configured=True,
            enabled=entry.enabled,
            shop=shops.get(entry.id),
            schedule=str(entry.schedule),
            streams=tuple(streams.get(entry.id, ())),
        )
        for entry in config.connections
    ]
    connections += [
        ConnectionStatus(name, configured=False, enabled=False, shop=shops.get(name), streams=tuple(found))
        for name, found in streams.items()
        if name not in schedules
    ]
    return Status(
        now,
        tuple(connections),
        {name: flags.get(name, 0) for name in sorted({*config.rules, *flags})},
        {state: count for state, count in messages.states.items() if count},
        messages.oldest_due,
        sum(quarantine.values()),
        audited,
    )


_LATEST = select(func.max(t.Run.id)).group_by(t.Run.connection_id, t.Run.stream)
_LATEST_RUNS = (
    select(
        t.Connection.name.label("connection"),
        *t.Run.__table__.columns,  # type: ignore[attr-defined]
        t.CursorRow.walked_at,
    )
    .select_from(t.Run)
    .join(t.Connection, t.Connection.id == t.Run.connection_id)
    .outerjoin(
        t.CursorRow,
        (t.CursorRow.connection_id == t.Run.connection_id) & (t.CursorRow.stream == t.Run.stream),
    )
    .where(t.Run.id.in_(_LATEST))
    .order_by(t.Connection.name, t.Run.id)
)


def _stream(
    row: Row[Any], schedule: Schedule | None, quarantine: Mapping[tuple[str, str], int], now: datetime
) -> StreamStatus:
    lag = (now - row.walked_at).total_seconds() if row.walked_at else None
    return StreamStatus(
        row.connection,
        row.stream,
        _state(row, schedule, lag, now),
        synced_at=row.walked_at,
        lag_seconds=lag,
        started_at=row.started_at,
        ended_at=row.ended_at,
        pulled=row.pulled,
        inserted=row.inserted,
        updated=row.updated,
        waiting_until=row.waiting_until if row.status == "running" else None,
        waiting_reason=row.waiting_reason if row.status == "running" else None,
        reason=row.reason,
        quarantined=quarantine.get((row.connection, row.stream), 0),
    )


def _state(row: Row[Any], schedule: Schedule | None, lag: float | None, now: datetime) -> StreamState:
    if row.status == "running":
        return "waiting" if row.waiting_until and row.waiting_until > now else "running"
    if row.status != "ok":
        return row.status  # type: ignore[no-any-return]
    every = schedule.every if schedule else None
    if every is not None and (lag is None or timedelta(seconds=lag) > LATE * every):
        return "behind"
    return "in sync"


def walked_streams(store: Store) -> set[tuple[str, str]]:
    """The (connection, stream) pairs that were read to the platform's end at least once."""
    c = t.CursorRow
    query = (
        select(t.Connection.name, c.stream)
        .join(c, c.connection_id == t.Connection.id)
        .where(c.walked_at.is_not(None))
    )
    with store.read() as reading:
        return {(name, stream) for name, stream in reading.execute(query)}


def stored_records(store: Store) -> dict[str, int]:
    """How many records of each stream the store has, without those that are gone from the platform."""
    tables = {
        "products": t.Product,
        "customers": t.Account,
        "orders": t.Order,
        "refunds": t.Refund,
        "reviews": t.Review,
        "conversations": t.Conversation,
        "attendance": t.Attendance,
    }
    with store.read() as reading:
        return {
            stream: int(
                reading.execute(
                    select(func.count()).select_from(table).where(table.deleted_at.is_(None))
                ).scalar_one()
            )
            for stream, table in tables.items()
        }
