"""Where a shop's days begin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, text

_WINTER = datetime(2026, 1, 1, tzinfo=UTC)


def day_shifts(connection: Connection) -> dict[int, int]:
    """Per connection, the microseconds to add to an instant so that days begin at the shop's midnight.

    The zone's winter time, all year: SQL on both databases can then tell days by division, and an
    hour's error in summer moves hardly a purchase to another day. A shop without a zone keeps UTC.
    """
    rows = connection.execute(text("SELECT id, zone FROM connection"))
    return {connection_id: _shift(zone) for connection_id, zone in rows}


def shifts(zones: Mapping[int, int]) -> str:
    """The relation `zone(connection_id, shift)` of these shifts, for a WITH."""
    rows = ", ".join(f"({connection}, {shift})" for connection, shift in zones.items())
    return f"zone(connection_id, shift) AS (VALUES {rows})"


def _shift(zone: str | None) -> int:
    try:
        offset = ZoneInfo(zone).utcoffset(_WINTER.replace(tzinfo=None)) if zone else None
    except (ZoneInfoNotFoundError, ValueError):
        offset = None
    return (offset or timedelta()) // timedelta(microseconds=1)
