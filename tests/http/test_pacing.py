"""The pacer keeps a quota exactly, however many ask at once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.sdk import MemoryPacer, Rate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@settings(deadline=None)
@given(
    st.floats(0.1, 50),
    st.sampled_from([1.0, 60.0, 3600.0]),
    st.lists(st.floats(0, 30), min_size=2, max_size=40),
)
def test_no_window_holds_more_than_the_quota(count: float, seconds: float, gaps: list[float]) -> None:
    pacer, rate, now = MemoryPacer(), Rate(count, seconds), NOW
    slots = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        slots.append(pacer.reserve("q", rate, now))
        assert slots[-1] >= now
    for earlier, later in pairwise(slots):
        assert (later - earlier).total_seconds() >= rate.interval - 1e-8


def test_nothing_of_the_quota_is_wasted() -> None:
    pacer = MemoryPacer()
    slots = [pacer.reserve("q", Rate(4), NOW) for _ in range(5)]
    assert slots == [NOW + timedelta(seconds=n / 4) for n in range(5)]


def test_an_idle_quota_gives_a_slot_at_once_but_saves_none_up() -> None:
    pacer = MemoryPacer()
    pacer.reserve("q", Rate(1), NOW)
    later = NOW + timedelta(minutes=5)
    assert pacer.reserve("q", Rate(1), later) == later
    assert pacer.reserve("q", Rate(1), later) == later + timedelta(seconds=1)


def test_a_hold_moves_the_next_slot_and_never_back() -> None:
    pacer = MemoryPacer()
    pacer.hold("q", NOW + timedelta(seconds=90))
    pacer.hold("q", NOW + timedelta(seconds=10))
    assert pacer.reserve("q", Rate(1), NOW) == NOW + timedelta(seconds=90)


def test_quotas_do_not_touch_each_other() -> None:
    pacer = MemoryPacer()
    pacer.hold("q", NOW + timedelta(seconds=90))
    assert pacer.reserve("r", Rate(1), NOW) == NOW


def test_threads_never_share_a_slot() -> None:
    pacer, slots = MemoryPacer(), []

    def take() -> None:
        for _ in range(200):
            slots.append(pacer.reserve("q", Rate(100), NOW))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(slots)) == 800
