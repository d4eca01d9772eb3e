"""The scheduler's jobs: what a configuration asks for, and what a new one changes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers import SchedulerNotRunningError

from crmsync.config import Config, ConnectionConfig, DaemonConfig, Schedule
from crmsync.daemon.jobs import Jobs, trigger
from crmsync.sdk import Settings

SLOW = Schedule(every=timedelta(hours=1))


class Work:
    """Notes what was run, and can be slow at it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.arrived = threading.Event()
        self.go = threading.Event()
        self.go.set()

    def sync(self, id: str) -> None:
        self.arrived.set()
        self.go.wait(5)
        self.done.append(id)

    def woken(self, id: str) -> None:
        self.done.append(f"woken {id}")

    def noop(self) -> None:
        pass


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def jobs(work: Work) -> Iterator[Jobs]:
    jobs = Jobs(work.sync, work.woken, *[work.noop] * 5)
    yield jobs
    work.go.set()
    with contextlib.suppress(SchedulerNotRunningError):
        jobs.shutdown()


def configured(**connections: Schedule) -> Config:
    return Config(
        connections=[
            ConnectionConfig(id=id, connector="any", schedule=schedule, settings=Settings())
            for id, schedule in connections.items()
        ],
        daemon=DaemonConfig(rules_schedule=SLOW, care_schedule=SLOW),
    )


def test_one_job_a_connection(jobs: Jobs) -> None:
    config = configured(one=SLOW, two=Schedule(cron="0 3 * * mon", zone="Asia/Shanghai"))
    off = config.connections[0].model_copy(update={"id": "off", "enabled": False})
    jobs.start()
    jobs.plan(config.model_copy(update={"connections": [*config.connections, off]}))
    assert set(jobs.next_runs()) == {"sync one", "sync two", "rules", "care", "privacy"}


def test_what_is_regular_begins_at_once_and_what_has_its_hour_waits(jobs: Jobs, work: Work) -> None:
    jobs.start()
    jobs.plan(configured(one=SLOW, two=Schedule(cron="0 3 1 1 *")))
    assert work.arrived.wait(5)
    jobs.shutdown()
    assert work.done == ["one"]


def test_a_new_plan_keeps_the_turn_of_what_is_the_same(jobs: Jobs) -> None:
    jobs.start()
    jobs.plan(configured(same=Schedule(cron="0 3 1 1 *"), changed=Schedule(cron="0 4 1 1 *"), gone=SLOW))
    before = jobs.next_runs()
    jobs.plan(configured(same=Schedule(cron="0 3 1 1 *"), changed=Schedule(cron="0 5 1 1 *")))
    after = jobs.next_runs()
    assert after["sync same"] == before["sync same"]
    assert after["sync changed"] == before["sync changed"] + timedelta(hours=1)
    assert "sync gone" not in after


def test_no_job_runs_twice_at_a_time(jobs: Jobs, work: Work) -> None:
    work.go.clear()
    jobs.start()
    jobs.plan(configured(one=Schedule(every=timedelta(seconds=1))))
    assert work.arrived.wait(5)
    work.arrived.clear()
    assert not work.arrived.wait(1.5)


def test_soon(jobs: Jobs) -> None:
    jobs.start()
    jobs.plan(configured())
    jobs.soon("care")
    due = jobs.next_runs()["care"]
    assert due is not None
    assert due - datetime.now(UTC) < timedelta(seconds=5)
    jobs.soon("no such job")


def test_shutdown_waits_for_the_job_at_work_even_when_it_asks_for_another(work: Work) -> None:
    jobs: Jobs

    def sync(id: str) -> None:
        work.arrived.set()
        work.go.wait(5)
        jobs.soon("rules")
        work.done.append(id)

    jobs = Jobs(sync, *[work.noop] * 6)
    work.go.clear()
    jobs.start()
    jobs.plan(configured(one=SLOW))
    assert work.arrived.wait(5)
    ending = threading.Thread(target=jobs.shutdown)
    ending.start()
    assert not work.done
    work.go.set()
    ending.join(5)
    assert not ending.is_alive()
    assert work.done == ["one"]


def test_weekdays_and_zones_of_a_cron_are_what_the_schedule_says() -> None:
    monday = trigger(Schedule(cron="0 3 * * mon", zone="Asia/Shanghai"))
    start = datetime(2026, 6, 2, tzinfo=UTC)
    assert monday.get_next_fire_time(None, start) == datetime(2026, 6, 7, 19, tzinfo=UTC)


def test_a_connection_that_is_woken_keeps_its_turn(jobs: Jobs, work: Work) -> None:
    jobs.start()
    jobs.plan(configured(one=Schedule(cron="0 3 1 1 *")))
    before = jobs.next_runs()
    for _ in range(3):
        jobs.wake("one")
    assert jobs.next_runs() == before
    while not work.done:
        time.sleep(0.05)
    jobs.shutdown()
    assert work.done == ["woken one"]
