from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from crmsync.sdk import Rate
from crmsync.store import Store
from crmsync.store.quota import StorePacer

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_calls_are_spaced(store: Store) -> None:
    pacer = StorePacer(store)
    slots = [pacer.reserve("q", Rate(4), NOW) for _ in range(3)]
    assert slots == [NOW, NOW + timedelta(seconds=0.25), NOW + timedelta(seconds=0.5)]


def test_time_that_went_by_is_not_saved_up(store: Store) -> None:
    pacer = StorePacer(store)
    pacer.reserve("q", Rate(1), NOW)
    later = NOW + timedelta(hours=1)
    assert [pacer.reserve("q", Rate(1), later) for _ in range(2)] == [later, later + timedelta(seconds=1)]


def test_a_hold_holds_everybody_and_is_never_shortened(store: Store) -> None:
    StorePacer(store).hold("q", NOW + timedelta(minutes=2))
    StorePacer(store).hold("q", NOW + timedelta(minutes=1))
    assert StorePacer(store).reserve("q", Rate(1), NOW) == NOW + timedelta(minutes=2)
    assert StorePacer(store).reserve("other", Rate(1), NOW) == NOW


def test_threads_never_get_the_same_slot(store: Store) -> None:
    slots: list[datetime] = []

    def take() -> None:
        pacer = StorePacer(store)
        slots.extend(pacer.reserve("q", Rate(10), NOW) for _ in range(10))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slots) == [NOW + timedelta(seconds=n / 10) for n in range(40)]
