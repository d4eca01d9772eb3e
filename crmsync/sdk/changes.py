"""Walks over lists that a platform filters and sorts by the time of change, with no cursor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from crmsync.sdk.connector import Cursor, Page
from crmsync.sdk.convert import to_time
from crmsync.sdk.errors import TransientError
from crmsync.sdk.listing import NEXT_RUN, Changes, Listing, asked, by_pages

ChangedAt = str | Callable[[Any], datetime]
"""When a row changed: the field of it that says so, as `to_time` reads it, or what reads it."""


def walk_changes(
    since: Cursor,
    listing: Listing,
    changed_at: ChangedAt,
    *,
    moment: timedelta = timedelta(milliseconds=1),
    complete: Callable[[Any], Any] | None = None,
) -> Iterator[Page]:
    """Every record changed since the cursor, however the list moves while it is read.

    Each page is asked for by time and not by its number, so that a record which changes, and so
    moves to the end, takes no other's place. The last moment of a page is left to the next one, and
    a moment with more records than a page holds is read by their ids. `moment` is how finely the
    platform tells times, however finely it keeps them. `complete` makes of a row what its record needs by
    further calls (the lines of an order): it is asked once for each row that is given, and never for those
    that are read and left to the next page.

    Raises TransientError when an answer cannot be a page of that list.
    """
    at, given = since.at, 0
    while True:
        rows, left = asked(listing, Changes(at, since.until))
        times = [time_of(changed_at, row) for row in rows]
        if any(later < earlier for earlier, later in pairwise(times)) or (
            # A platform that is asked for what came after the moment before gives some of that moment.
            times and at is not None and times[0] < at - moment
        ):
            raise TransientError(
                "The platform's list is not in the order of change, or is the one before.", fix=NEXT_RUN
            )
        if not rows or (left is not None and left <= len(rows)):
            if rows:
                end = Cursor(max(times[-1], at or times[-1]), until=since.until)
                yield Page(_completed(rows, complete), end, given + len(rows))
            return
        edge = times[-1]
        total = None if left is None else given + left
        if at is not None and edge <= at:
            if edge + moment <= at:
                # It would be asked for the same for ever.
                raise TransientError(
                    "The platform gives a moment again that was read: it tells times "
                    "less finely than `moment` says.",
                    fix=NEXT_RUN,
                )
            for group in by_pages(listing, Changes(edge, edge + moment, by_id=True)):
                given += len(group)
                whole = _completed(group, complete)
                yield Page(whole, Cursor(edge, until=since.until), total and max(given, total))
            at = edge + moment
            continue
        earlier = [row for row, time in zip(rows, times, strict=True) if time < edge]
        if earlier:
            yield Page(_completed(earlier, complete), Cursor(edge, until=since.until), total)
        given += len(earlier)
        at = edge


def _completed(rows: Sequence[Any], complete: Callable[[Any], Any] | None) -> Sequence[Any]:
    return rows if complete is None else [complete(row) for row in rows]


def time_of(changed_at: ChangedAt, row: Any) -> datetime:
    """When the row changed. Raises TransientError when it does not say: a walk cannot go on without."""
    try:
        time = to_time(row[changed_at]) if isinstance(changed_at, str) else changed_at(row)
    except (KeyError, TypeError, ValueError):
        time = None
    if time is None:
        raise TransientError("The platform does not say when a record changed.", fix=NEXT_RUN)
    return time
