"""What runs on the clock: one job per connection, some for all of them together, and a heartbeat."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from crmsync.config import Config, Schedule

RULES, CARE, PRIVACY, ALERTS = "rules", "care", "privacy", "alerts"
BEAT = timedelta(seconds=5)
WORKERS = 10
"""Fewer than the connections a database pool gives out, so that no job waits for one in vain."""

_SOON = timedelta(seconds=1)


def trigger(schedule: Schedule) -> BaseTrigger:
    """When a schedule comes round, for the scheduler."""
    if schedule.every is not None:
        return IntervalTrigger(seconds=schedule.every.total_seconds(), timezone=UTC)
    return CronTrigger.from_crontab(schedule.cron, timezone=schedule.zone or "UTC")


def sync_job(connection: str) -> str:
    """The name of a connection's job."""
    return f"sync {connection}"


def wake_job(connection: str) -> str:
    """The name of the job that pulls what an event spoke of. It is another than the connection's own, or
    events that keep coming would put off for ever the pull of what they do not speak of."""
    return f"wake {connection}"


def _comes_round(job: str) -> bool:
    return job != "beat" and not job.startswith("wake ")


class Jobs:
    """The jobs of a configuration. No job runs twice at a time; one that comes due too late is skipped.

    The heartbeat has a thread of its own, so that long pulls cannot make the daemon look dead.
    """

    def __init__(
        self,
        sync: Callable[[str], None],
        woken: Callable[[str], None],
        rules: Callable[[], None],
        care: Callable[[], None],
        privacy: Callable[[], None],
        alerts: Callable[[], None],
        beat: Callable[[], None],
    ) -> None:
        self._sync, self._woken = sync, woken
        self._rules, self._care = rules, care
        self._privacy, self._alerts = privacy, alerts
        self._pools = {"default": ThreadPoolExecutor(WORKERS), "beat": ThreadPoolExecutor(1)}
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors=self._pools,
            job_defaults={"coalesce": True, "max_instances": 1},
        )
        self._scheduler.add_job(
            beat,
            IntervalTrigger(seconds=BEAT.total_seconds(), timezone=UTC),
            id="beat",
            executor="beat",
            misfire_grace_time=None,
            next_run_time=datetime.now(UTC),
        )

    def start(self) -> None:
        self._scheduler.start()

    def plan(self, config: Config) -> None:
        """Have exactly the jobs of this configuration; a job whose schedule is the same keeps its turn."""
        wanted: dict[str, tuple[Schedule, Callable[[], None]]] = {
            sync_job(entry.id): (entry.schedule, lambda id=entry.id: self._sync(id))
            for entry in config.connections
            if entry.enabled
        }
        wanted[RULES] = config.daemon.rules_schedule, self._rules
        wanted[CARE] = config.daemon.care_schedule, self._care
        wanted[PRIVACY] = config.daemon.privacy_schedule, self._privacy
        if config.alerts:
            wanted[ALERTS] = config.daemon.alerts_schedule, self._alerts
        present = {job.id: job for job in self._scheduler.get_jobs() if _comes_round(job.id)}
        for gone in present.keys() - wanted.keys():
            self._scheduler.remove_job(gone)
        grace = round(config.daemon.misfire_grace.total_seconds()) or 1
        for id, (schedule, work) in wanted.items():
            if id in present and present[id].name == str(schedule):
                self._scheduler.modify_job(id, misfire_grace_time=grace)
                continue
            # What comes round regularly begins at once; what has its hour waits for it.
            first = {"next_run_time": datetime.now(UTC)} if schedule.every is not None else {}
            self._scheduler.add_job(
                work,
                trigger(schedule),
                id=id,
                name=str(schedule),
                misfire_grace_time=grace,
                replace_existing=True,
                **first,
            )

    def soon(self, id: str) -> None:
        """Let a job run in a moment instead of at its next turn; what asks meanwhile shares that run."""
        try:
            self._scheduler.modify_job(id, next_run_time=datetime.now(UTC) + _SOON)
        except JobLookupError:
            return

    def wake(self, connection: str) -> None:
        """Have what events spoke of pulled in a moment; what they speak of until then shares that pull."""
        self._scheduler.add_job(
            partial(self._woken, connection),
            DateTrigger(datetime.now(UTC) + _SOON, timezone=UTC),
            id=wake_job(connection),
            misfire_grace_time=None,
            replace_existing=True,
        )

    def next_runs(self) -> dict[str, datetime | None]:
        """When each job runs next."""
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs() if _comes_round(job.id)}

    def shutdown(self) -> None:
        """Start no job any more, and wait for those that run."""
        # Not with the scheduler's own wait: it holds a lock that a job needs to ask for another.
        self._scheduler.remove_all_jobs()
        for pool in self._pools.values():
            pool.shutdown(wait=True)
        self._scheduler.shutdown(wait=False)
