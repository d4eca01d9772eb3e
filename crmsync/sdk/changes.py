"""Walks over lists that a platform filters and sorts by the time of change, with no cursor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from crmsync.sdk.connector import Cursor, Page
from crmsync.sdk.errors import TransientError

_MOMENT = timedelta(milliseconds=1)
"""How finely such platforms tell times, however finely they keep them."""

_NEXT_RUN = "The next run goes on from the last page that was stored."


@dataclass(frozen=True, slots=True)
class Changes:
    """Which records to list: those changed at or after `since` and before `until`.

    In the order of their change or, where `by_id`, in that of their ids, leaving out the first `skip`.
    """

    since: datetime | None = None
    until: datetime | None = None
    by_id: bool = False
    skip: int = 0


Listing = Callable[[Changes], tuple[Sequence[Any], int]]
"""Asks the platform: one page of the records, and how many there are in all."""


def walk_changes(since: Cursor, listing: Listing, changed_at: Callable[[Any], datetime]) -> Iterator[Page]:
    """Every record changed since the cursor, however the list moves while it is read.

    Each page is asked for by time and not by its number, so that a record which changes, and so
    moves to the end, takes no other's place. The last moment of a page is left to the next one, and
    a moment with more records than a page holds is read by their ids.

    Raises TransientError when an answer cannot be a page of that list.
    """
    at, given = since.at, 0
    while True:
        rows, left = _asked(listing, Changes(at, since.until))
        times = [_time(changed_at, row) for row in rows]
        if any(later < earlier for earlier, later in pairwise(times)) or (
            # A platform that is asked for what came after the moment before gives some of that moment.
            times and at is not None and times[0] < at - _MOMENT
        ):
            raise TransientError(
                "The platform's list is not in the order of change, or is the one before.", fix=_NEXT_RUN
            )
        if left <= len(rows):
            if rows:
                yield Page(
                    rows, Cursor(max(times[-1], at or times[-1]), until=since.until), given + len(rows)
                )
            return
        edge = times[-1]
        if at is not None and edge <= at:
            moment = Changes(edge, edge + _MOMENT, by_id=True)
            for group in _moment(listing, moment):
                given += len(group)
                yield Page(group, Cursor(edge, until=since.until), max(given, left))
            at = edge + _MOMENT
            continue
        whole = [row for row, time in zip(rows, times, strict=True) if time < edge]
        if whole:
            yield Page(whole, Cursor(edge, until=since.until), given + left)
        given += len(whole)
        at = edge


def _moment(listing: Listing, changes: Changes) -> Iterator[Sequence[Any]]:
    """The records of one moment. One that changes leaves it, and those behind it move up."""
    held: int | None = None
    before: Sequence[Any] = ()
    while True:
        rows, total = _asked(listing, changes)
        if held is not None and total < held:
            # So the page before may rightly come again.
            changes = replace(changes, skip=max(0, changes.skip - (held - total)))
            held, before = total, ()
            continue
        if rows and rows == before:
            raise TransientError("The platform gave the same page twice.", fix=_NEXT_RUN)
        yield rows
        held, before = total, rows
        changes = replace(changes, skip=changes.skip + len(rows))
        if changes.skip >= total:
            return


def _asked(listing: Listing, changes: Changes) -> tuple[Sequence[Any], int]:
    rows, total = listing(changes)
    if not rows and total > changes.skip:
        raise TransientError(
            f"The platform says that {total} records changed, and gives none.", fix=_NEXT_RUN
        )
    return rows, total


def _time(changed_at: Callable[[Any], datetime], row: Any) -> datetime:
    try:
        return changed_at(row)
    except (KeyError, TypeError, ValueError):
        raise TransientError("The platform does not say when a record changed.", fix=_NEXT_RUN) from None
