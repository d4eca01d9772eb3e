"""Every state a stream can be in, told from what the runs left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from crmsync.config import Config, ConnectionConfig, Schedule
from crmsync.daemon.status import StreamStatus, read_status, walked_streams
from crmsync.sdk import Settings
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.testing import FakeClock

NOW = FakeClock().now()
HOURLY = Schedule(every=timedelta(hours=1))


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def configured(*ids: str, schedule: Schedule = HOURLY) -> Config:
    return Config(
        connections=[
            ConnectionConfig(id=id, connector="any", schedule=schedule, settings=Settings()) for id in ids
        ]
    )


def happened(store: Store, *, walked: datetime | None = None, **run: Any) -> None:
    """One connection, `shop`, with one run of its orders."""
    values = {
        "connection_id": 1,
        "stream": "orders",
        "kind": "incremental",
        "status": "ok",
        "started_at": ago(1),
    }
    with store.write() as connection:
        connection.execute(insert(t.Connection).values(id=1, name="shop", connector="any", scope="shop"))
        connection.execute(insert(t.Run).values(**{**values, "started_at": ago(1), **run}))
        if walked is not None:
            cursor = {"connection_id": 1, "stream": "orders", "walked_at": walked, "changed_at": walked}
            connection.execute(insert(t.CursorRow).values(**cursor))


def seen(store: Store, config: Config | None = None) -> StreamStatus:
    (stream,) = read_status(store, config or configured("shop"), NOW).streams
    return stream


def test_in_sync(store: Store) -> None:
    happened(store, walked=ago(1), pulled=7)
    stream = seen(store)
    assert (stream.state, stream.lag_seconds, stream.pulled) == ("in sync", 3600, 7)
    assert walked_streams(store) == {("shop", "orders")}


def test_behind_after_three_turns(store: Store) -> None:
    happened(store, walked=ago(3.1))
    assert seen(store).state == "behind"
    assert seen(store, configured("shop", schedule=Schedule(cron="0 3 * * *"))).state == "in sync"


def test_waiting_tells_until_when_and_why(store: Store) -> None:
    until = NOW + timedelta(minutes=5)
    happened(store, status="running", waiting_until=until, waiting_reason="429 from the platform")
    stream = seen(store)
    assert stream.state == "waiting"
    assert (stream.waiting_until, stream.waiting_reason) == (until, "429 from the platform")
    assert walked_streams(store) == set()


def test_running_when_the_wait_is_over(store: Store) -> None:
    happened(store, status="running", waiting_until=ago(0.1), waiting_reason="pacing 2/s")
    assert seen(store).state == "running"


@pytest.mark.parametrize("status", ["failed", "partial", "stopped"])
def test_what_ended_badly_tells_why(store: Store, status: str) -> None:
    happened(store, walked=ago(0.5), status=status, reason="the platform is down", ended_at=NOW)
    stream = seen(store)
    assert (stream.state, stream.reason) == (status, "the platform is down")
    assert stream.synced_at == ago(0.5)


def test_the_latest_run_counts(store: Store) -> None:
    happened(store, walked=ago(0.5), status="failed")
    with store.write() as connection:
        later = {"connection_id": 1, "stream": "orders", "kind": "full", "status": "ok", "started_at": NOW}
        connection.execute(insert(t.Run).values(**later))
    assert seen(store).state == "in sync"


def test_connections_without_runs_or_configuration(store: Store) -> None:
    happened(store, walked=ago(1))
    status = read_status(store, configured("other"), NOW)
    assert [(c.id, c.configured, len(c.streams)) for c in status.connections] == [
        ("other", True, 0),
        ("shop", False, 1),
    ]
