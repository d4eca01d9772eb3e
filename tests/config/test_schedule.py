from __future__ import annotations

from datetime import timedelta

import pytest
from apscheduler.triggers.cron import CronTrigger
from pydantic_core import PydanticCustomError

from crmsync.config import Schedule


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("every 10m", "every 10m"),
        ("every 90m", "every 1h30m"),
        ("every 1.5s", "every 1.5s"),
        ("cron 0 3 * * *", "cron 0 3 * * *"),
        ("  cron   0 3 * * *   Asia/Shanghai ", "cron 0 3 * * * Asia/Shanghai"),
        ("cron */15 8-18 1,15 jan-mar mon-fri", "cron */15 8-18 1,15 jan-mar mon,tue,wed,thu,fri"),
        ("cron 0 0 * * 7", "cron 0 0 * * sun"),
        ("cron 0 0 * * 0-2", "cron 0 0 * * sun,mon,tue"),
        ("cron 0 0 * JAN FRI", "cron 0 0 * jan fri"),
        ("cron 0 0 1-31/2 * */3", "cron 0 0 1-31/2 * sun,wed,sat"),
    ],
)
def test_read_and_shown(text: str, shown: str) -> None:
    schedule = Schedule.parse(text)
    assert str(schedule) == shown
    assert Schedule.parse(shown) == schedule


def test_an_interval() -> None:
    assert Schedule.parse("every 1h30m") == Schedule(every=timedelta(minutes=90))


def test_the_scheduler_reads_weekdays_as_cron_does() -> None:
    schedule = Schedule.parse("cron 0 3 * * 1")
    assert schedule.cron is not None
    weekday = CronTrigger.from_crontab(schedule.cron, timezone="UTC").fields[4]
    assert str(weekday) == "mon"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10m",
        "every",
        "every day",
        "every 0.5s",
        "cron",
        "cron 60 * * * *",
        "cron * 24 * * *",
        "cron * * 0 * *",
        "cron * * * 13 *",
        "cron * * * * 8",
        "cron 5-1 * * * *",
        "cron */0 * * * *",
        "cron 5/10 * * * *",
        "cron a * * * *",
        "cron * * * * * Mars/Olympus",
        10,
        None,
    ],
)
def test_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        Schedule.parse(text)
