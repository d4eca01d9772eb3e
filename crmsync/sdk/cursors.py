"""Walks over lists that a platform sorts by the time of change and pages by a cursor of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from crmsync.sdk.changes import ChangedAt, time_of
from crmsync.sdk.connector import Cursor, Page
from crmsync.sdk.errors import TransientError
from crmsync.sdk.listing import NEXT_RUN, repeated

CursorListing = Callable[[Cursor], tuple[Sequence[Any], str | None, int | None]]
"""Asks the platform for the page at a cursor's `token`, without one for the first page of what changed at or
after its `at` and before its `until`: the records, the token of the next page, None after the last, and how
many there are in all, None where the platform does not say."""


def walk_cursors(since: Cursor, listing: CursorListing, changed_at: ChangedAt) -> Iterator[Page]:
    """Every record changed since the cursor, page after page as the platform names the next one.

    Several records may have changed in the last moment of a page: `at` is that moment, and the next walk
    asks for it again.

    Raises TransientError when an answer cannot be a page of that list, when a page comes twice, and when the
    list ends before as many records have come as there are.
    """
    at, given = since.at, 0
    token, seen = since.token, {since.token}
    before: datetime | None = None
    while True:
        rows, token, total = listing(replace(since, token=token))
        if not isinstance(rows, list | tuple) or not isinstance(token, str | None):
            raise TransientError("The platform's answer is not a page of records.", fix=NEXT_RUN)
        if token is not None and token in seen:
            raise repeated()
        seen.add(token)
        given += len(rows)
        if token is None and since.token is None and total is not None and given < total:
            # Stored, the page would say that all before it is stored too.
            raise TransientError(
                f"The platform ended its list after {given} of {total} records.", fix=NEXT_RUN
            )
        if rows:
            # The last record alone: one whose time cannot be read is for its mapping to refuse.
            last = time_of(changed_at, rows[-1])
            if before is not None and last < before:
                raise TransientError("The platform's list is not in the order of change.", fix=NEXT_RUN)
            before = last
            at = last if at is None else max(last, at)
        yield Page(rows, replace(since, at=at, token=token), total)
        if token is None:
            return
