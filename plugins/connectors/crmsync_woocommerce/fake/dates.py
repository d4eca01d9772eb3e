"""How date filters were seen to compare: the value, its suffix and `dates_are_gmt` decide against what."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_VALUE = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII | re.IGNORECASE
)


class InvalidDate(ValueError):
    """Not a date as WordPress takes them: without seconds, a bare day, or nothing."""


def bound(value: str, zone: ZoneInfo, *, gmt: bool, hpos: bool) -> datetime:
    """The naive time that a column is compared with: of UTC when `gmt`, else of the wall clock."""
    found = _VALUE.fullmatch(value)
    if found is None:
        raise InvalidDate(value)
    naive = datetime.fromisoformat(f"{found[1]}T{found[2]}")
    if found[4] is None or (found[3] and hpos and not gmt):
        return naive
    offset = timedelta() if found[4].upper() == "Z" else _offset(found[4])
    # WordPress moves a value with an offset to the site's zone, whichever column it is compared with.
    return (naive - offset).replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def column(time: datetime, zone: ZoneInfo, *, gmt: bool) -> datetime:
    """What the database holds of a time."""
    return time.astimezone(UTC if gmt else zone).replace(tzinfo=None)


def _offset(text: str) -> timedelta:
    hours, minutes = int(text[1:3]), int(text[-2:])
    return (-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes)
