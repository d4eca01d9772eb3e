"""The shop's day: when its quiet hours end and when its day begins, right through clock changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from crmsync.config import QuietHours


def zone_of(name: str | None) -> ZoneInfo:
    """The zone of that name; UTC for a shop whose platform tells none, or one that nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, LookupError):
        return ZoneInfo("UTC")


def quiet_until(hours: QuietHours | None, zone: str | None, now: datetime) -> datetime | None:
    """When the quiet hours of a shop in this zone end (UTC), or None when it is not quiet now."""
    place = zone_of(zone)
    local = now.astimezone(place)
    if hours is None or local.time() not in hours:
        return None
    day = local.date()
    # Around a clock change one local time can come twice or never: take the first that lies ahead.
    ends = (
        datetime.combine(day + timedelta(days=days), hours.end, place).replace(fold=fold).astimezone(UTC)
        for days in (0, 1)
        for fold in (0, 1)
    )
    return min(end for end in ends if end > now and end.astimezone(place).time() not in hours)


def day_of(zones: Iterable[str | None], now: datetime) -> tuple[datetime, datetime]:
    """From when to when a daily cap counts (UTC): the day that began first among the shops' days, so
    that the cap holds in each of them."""
    shops_days = []
    for zone in zones:
        place = zone_of(zone)
        today = now.astimezone(place).date()
        start, end = (
            datetime.combine(today + timedelta(days=days), time(), place).astimezone(UTC) for days in (0, 1)
        )
        shops_days.append((start, end))
    return min(shops_days)
