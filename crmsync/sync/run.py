"""The history of runs: what was pulled, how long it waited, why it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from crmsync.sdk import RunResult, Wait
from crmsync.sdk.events import RunStatus
from crmsync.store import Store
from crmsync.store import tables as t

RunKind = Literal["incremental", "full", "backfill", "replay"]


@dataclass(slots=True)
class Counts:
    """Records of a run, by what became of them."""

    pages: int = 0
    pulled: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    waited_seconds: float = 0.0


def start_run(connection: Connection, connection_id: int, stream: str, kind: RunKind, now: datetime) -> int:
    """Open a run in the history; its number."""
    result = connection.execute(
        insert(t.Run)
        .values(connection_id=connection_id, stream=stream, kind=kind, status="running", started_at=now)
        .returning(t.Run.id)
    )
    return int(result.scalar_one())


def record_counts(connection: Connection, run_id: int, counts: Counts) -> None:
    """Keep a run's counts in the transaction of the page they count."""
    connection.execute(
        update(t.Run)
        .where(t.Run.id == run_id)
        .values(**asdict(counts), waiting_until=None, waiting_reason=None)
    )


def record_wait(store: Store, run_id: int, wait: Wait) -> None:
    """Show what a run waits for, so that a pause never looks like a hang."""
    with store.write() as connection:
        connection.execute(
            update(t.Run)
            .where(t.Run.id == run_id)
            .values(waiting_until=wait.until, waiting_reason=wait.reason)
        )


def end_run(
    connection: Connection, run_id: int, status: RunStatus, reason: str, counts: Counts, now: datetime
) -> None:
    """Close a run in the history."""
    record_counts(connection, run_id, counts)
    connection.execute(
        update(t.Run).where(t.Run.id == run_id).values(status=status, reason=reason, ended_at=now)
    )


def close_orphans(store: Store, now: datetime) -> int:
    """Close the runs that a killed process left open, with what they had seen; how many there were.

    Only for the holder of the instance lock: it knows that no other process is at work.
    """
    with store.write() as connection:
        connection.execute(delete(t.Seen))
        return connection.execute(
            update(t.Run)
            .where(t.Run.status == "running")
            .values(
                status="failed",
                reason="The process ended in the middle of this run.",
                ended_at=now,
                waiting_until=None,
                waiting_reason=None,
            )
        ).rowcount


def recent_runs(
    store: Store, limit: int = 50, connection_name: str | None = None
) -> Sequence[dict[str, Any]]:
    """The latest runs, newest first, each with its connection's name."""
    query = (
        select(t.Connection.name.label("connection"), *t.Run.__table__.columns)  # type: ignore[attr-defined]
        .join(t.Connection, t.Connection.id == t.Run.connection_id)
        .order_by(t.Run.id.desc())
        .limit(limit)
    )
    if connection_name is not None:
        query = query.where(t.Connection.name == connection_name)
    with store.read() as connection:
        return [dict(row._mapping) for row in connection.execute(query)]


def result_of(
    run_id: int,
    names: tuple[str, str],
    status: RunStatus,
    reason: str,
    times: tuple[datetime, datetime],
    counts: Counts,
    code: str = "",
) -> RunResult:
    """What the history keeps of a run, as the hooks and the command line see it."""
    numbers = asdict(counts)
    numbers.pop("pages")
    return RunResult(run_id, *names, status, reason, *times, **numbers, code=code)
