"""The Retry-After header: how long a platform asks its callers to stay away."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LONGEST = timedelta(days=1)


def retry_after(header: str | None, now: datetime, sent: str | None = None) -> datetime | None:
    """When the platform wants to be called again, or None when it gave no usable hint.

    `sent` is the answer's own Date: a Retry-After date counts from there, because the platform's clock
    need not agree with ours.

    Reads seconds and HTTP dates. Zero, negative values, dates gone by and garbage are no hint: taken
    literally they would burn every try at once. Anything beyond a day counts as a day: no quota
    takes longer to fill, and a slip of the platform must not park a connection for years.
    """
    text = (header or "").strip()
    if _SECONDS.fullmatch(text):
        pause = timedelta(seconds=min(float(text), _LONGEST.total_seconds()))
    else:
        date = _date(text)
        if date is None:
            return None
        pause = min(date - (_date(sent or "") or now), _LONGEST)
    return now + pause if pause > timedelta() else None


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
