"""Days and times that come round: a schedule's last turn, and anniversaries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from apscheduler.triggers.cron import CronTrigger

from crmsync.care.hours import zone_of
from crmsync.config import Schedule
from crmsync.store.tables import EPOCH

_OLDEST = 120
"""Nobody has been a customer for longer, in years."""


def last_turn(schedule: Schedule, now: datetime, within: timedelta) -> datetime | None:
    """When the schedule last came round, in this time; `every 30d` counts from 1970."""
    if schedule.every is not None:
        turn = EPOCH + (now - EPOCH) // schedule.every * schedule.every
        return turn if turn > now - within else None
    trigger = CronTrigger.from_crontab(schedule.cron, timezone=schedule.zone or "UTC")
    # A schedule is asked for its next turn only: look back a little first, for those that come often.
    back = min(timedelta(hours=1), within)
    while True:
        last, turn = None, trigger.get_next_fire_time(None, now - back)
        while turn is not None and turn <= now:
            last, turn = turn, trigger.get_next_fire_time(turn, turn + timedelta(microseconds=1))
        if last is not None and last > now - within:
            return last.astimezone(UTC)
        if back >= within:
            return None
        back = min(back * 4, within)


def today(zones: Iterable[str | None], now: datetime) -> date:
    """The day it is in every one of these zones, or already was."""
    return min((now.astimezone(zone_of(zone)).date() for zone in zones), default=now.astimezone(UTC).date())


def birthdays_on(day: date) -> list[str]:
    """The birthdays that are had on this day, each as month and day."""
    return [f"{day:%m-%d}", *(["02-29"] if _stands_for_leap_day(day) else [])]


def same_day_in_earlier_years(day: date) -> list[date]:
    """The days whose anniversary this is, the latest first; 29 February has its on the 28th elsewhen."""
    found = []
    for year in range(day.year - 1, max(day.year - _OLDEST, 1), -1):
        if _stands_for_leap_day(day) and _is_leap(year):
            found.append(date(year, 2, 29))
        if (day.month, day.day) != (2, 29) or _is_leap(year):
            found.append(day.replace(year=year))
    return found


def _stands_for_leap_day(day: date) -> bool:
    return (day.month, day.day) == (2, 28) and not _is_leap(day.year)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
