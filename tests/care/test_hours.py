from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.care.hours import day_of, quiet_until
from crmsync.config import QuietHours

NIGHT = QuietHours(time(21), time(9))
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        (NIGHT, "Asia/Shanghai", "2026-03-04T12:00", None),
        (NIGHT, "Asia/Shanghai", "2026-03-04T21:00", "2026-03-05T09:00"),
        (NIGHT, "Asia/Shanghai", "2026-03-05T08:59:59", "2026-03-05T09:00"),
        (NIGHT, "Asia/Shanghai", "2026-03-05T09:00", None),
        (NIGHT, BERLIN, "2026-03-28T22:00", "2026-03-29T09:00"),
        (NIGHT, BERLIN, "2026-10-24T22:00", "2026-10-25T09:00"),
        (QuietHours(time(12), time(14)), "UTC", "2026-03-04T13:00", "2026-03-04T14:00"),
        (None, "UTC", "2026-03-04T23:00", None),
    ],
)
def test_quiet_hours_end_on_the_shops_clock(
    hours: QuietHours | None, zone: str, now: str, until: str | None
) -> None:
    assert quiet_until(hours, zone, at(now, zone)) == (at(until, zone) if until else None)


def test_an_end_that_the_clock_skips_is_the_moment_after() -> None:
    hours = QuietHours(time(21), time(2, 30))
    assert quiet_until(hours, BERLIN, at("2026-03-29T00:30", BERLIN)) == at("2026-03-29T01:30")


def test_an_end_that_comes_twice_ends_twice() -> None:
    hours = QuietHours(time(21), time(2, 30))
    first = quiet_until(hours, BERLIN, at("2026-10-25T00:30", BERLIN))
    assert first == at("2026-10-25T00:30")
    assert quiet_until(hours, BERLIN, at("2026-10-25T01:10")) == at("2026-10-25T01:30")


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    zone=st.sampled_from(
        [BERLIN, "Asia/Shanghai", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo"]
    ),
    start=st.times(),
    end=st.times(),
)
def test_the_end_lies_ahead_within_a_day_and_is_not_quiet(
    now: datetime, zone: str, start: time, end: time
) -> None:
    if start == end:
        return
    hours = QuietHours(start, end)
    until = quiet_until(hours, zone, now)
    assert (until is None) == (now.astimezone(ZoneInfo(zone)).time() not in hours)
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        assert until.astimezone(ZoneInfo(zone)).time() not in hours


def test_a_day_is_the_shops_and_as_long_as_it_is() -> None:
    now = at("2026-03-29T12:00", BERLIN)
    assert day_of([BERLIN], now) == (at("2026-03-28T23:00"), at("2026-03-29T22:00"))


def test_of_several_shops_the_day_that_began_first_counts() -> None:
    now = at("2026-03-04T10:00")
    assert day_of([None, "Asia/Shanghai"], now) == (at("2026-03-03T16:00"), at("2026-03-04T16:00"))
