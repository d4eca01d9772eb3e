"""The reader's day: when quiet hours and holidays end, and when a shop's day begins, right through clock
changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from crmsync.config import Holiday, QuietHours


def zone_of(name: str | None) -> ZoneInfo:
    """The zone of that name; UTC for a shop whose platform tells none, or one that nobody knows."""
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, LookupError):
        return ZoneInfo("UTC")


_ONE_LEGAL_TIME = {"CN": "Asia/Shanghai"}
"""Countries with one time by law, though the zone table lists another that is used locally."""


def zone_of_person(own: str | None, country: str | None, shop: str | None, now: datetime) -> str | None:
    """The zone a customer lives by: their own where the platform tells it, that of their country where all
    of it has the same time now, else the shop's."""
    if own is not None and _known(own):
        return own
    code = (country or "").upper()
    if code in _ONE_LEGAL_TIME:
        return _ONE_LEGAL_TIME[code]
    zones = _zones_of_countries().get(code, ())
    offsets = {now.astimezone(zone_of(zone)).utcoffset() for zone in zones}
    return zones[0] if len(offsets) == 1 else shop


def _known(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


@cache
def _zones_of_countries() -> Mapping[str, tuple[str, ...]]:
    """The zones of each country by its ISO 3166 code, from the table that comes with the zones."""
    found: dict[str, tuple[str, ...]] = {}
    for line in files("tzdata.zoneinfo").joinpath("zone1970.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            codes, _, zone, *_ = line.split("\t")
            for code in codes.split(","):
                found[code] = (*found.get(code, ()), zone)
    return found


def holiday_until(holidays: Collection[Holiday], zone: str | None, now: datetime) -> datetime | None:
    """When the holiday of someone in this zone ends (UTC), or None when it is none now. Holidays that
    follow one another are one; a calendar of nothing but holidays is looked at for a year."""
    place = zone_of(zone)
    today = now.astimezone(place).date()
    day = today
    while any(day in holiday for holiday in holidays) and day < today + timedelta(days=366):
        day += timedelta(days=1)
    return None if day == today else datetime.combine(day, time(), place).astimezone(UTC)


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
