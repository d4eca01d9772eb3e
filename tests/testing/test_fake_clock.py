from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from crmsync.sdk import Clock
from crmsync.testing import FakeClock


def test_it_stands_still_until_it_is_moved() -> None:
    clock: Clock = FakeClock()
    assert clock.now() == clock.now()
    assert clock.now().tzinfo is UTC


def test_sleeping_moves_it_at_once_and_is_recorded() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.sleep(90)
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)
    assert clock.sleeps == [90]


def test_advancing_is_no_sleep() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(days=1))
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)
    assert clock.sleeps == []


def test_a_stopped_sleep_is_none() -> None:
    clock, stop = FakeClock(), threading.Event()
    before = clock.now()
    stop.set()
    clock.sleep(90, stop)
    assert (clock.now(), clock.sleeps) == (before, [])


def test_it_starts_at_an_aware_time() -> None:
    with pytest.raises(ValueError, match="aware"):
        FakeClock(datetime(2026, 1, 1))
