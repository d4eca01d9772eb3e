"""The Retry-After header: how long a platform asks its callers to stay away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST = timedelta(days=1)


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """When the platform wants to be called again, or None when it gave no usable hint.

    Reads seconds and HTTP dates. Zero, negative values, dates gone by and garbage are no hint: taken
    literally they would burn every try at once. Anything beyond a day counts as a day: no quota
    takes longer to fill, and a slip of the platform must not park a connection for years.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        pause = timedelta(seconds=min(float(text), _LONGEST.total_seconds()))
    else:
        try:
            date = parsedate_to_datetime(text)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
        pause = min((date if date.tzinfo else date.replace(tzinfo=UTC)) - now, _LONGEST)
    return now + pause if pause > timedelta() else None
