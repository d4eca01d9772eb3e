"""A platform's list: how one page of it is asked for, and what an answer must be to be believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from crmsync.sdk.errors import TransientError

NEXT_RUN = "The next run goes on from the last page that was stored."


@dataclass(frozen=True, slots=True)
class Changes:
    """Which records to list: those changed at or after `since` and before `until`.

    In the order of their change or, where `by_id`, in that of their ids, within the same times. A platform
    that counts `until` itself in gives some records twice, which harms nobody. `page` is the number of the
    page, from 1, for a platform that counts pages; `skip` says the same as how many records come before it.
    """

    since: datetime | None = None
    until: datetime | None = None
    by_id: bool = False
    skip: int = 0
    page: int = 1

    def total(self, rows: Sequence[Any], size: int) -> int | None:
        """How many records there are, as far as this page of them tells: one that is not full is the last."""
        return None if len(rows) >= size else self.skip + len(rows)


Listing = Callable[[Changes], tuple[Sequence[Any], int | None]]
"""Asks the platform: one page of the records, and how many there are in all. None where it does not say: that
is exact all the same, and costs a second reading, which an author spares who knows the last page."""


def listed(body: Any, *path: str) -> list[Any]:
    """The list of records that stands at this path of an answer: `listed(body, "data", "items")`.

    Without a path the answer is itself the list. None, which `get_json` gives where nothing is there, is an
    empty one.
    Raises TransientError when there is no list: the answer is a proxy's, or of another version of the API.
    """
    if body is None:
        return []
    for name in path:
        body = body.get(name) if isinstance(body, dict) else None
    if not isinstance(body, list):
        raise TransientError(
            f"The platform's answer is not a list of records: there is none at {'.'.join(path)!r}.",
            fix=NEXT_RUN,
        )
    return body


def read_all(listing: Listing) -> list[Any]:
    """A short list that comes in pages, whole: the lines of an order.

    It is asked by id and without times. Raises TransientError when an answer cannot be a page of that list.
    """
    rows, page, changes = list[Any](), list[Any](), Changes(by_id=True)
    while True:
        before = page
        found, total = asked(listing, changes, changes.skip)
        page = list(found)
        if page and page == before:
            raise repeated()
        rows += page
        changes = replace(changes, skip=len(rows), page=changes.page + 1)
        if not page or (total is not None and len(rows) >= total):
            return rows


def asked(
    listing: Callable[[Any], tuple[Sequence[Any], int | None]], question: Any, skipped: int = 0
) -> tuple[Sequence[Any], int | None]:
    """The page. Raises TransientError when the answer is none, or gives none of what it says is there."""
    rows, total = listing(question)
    if not isinstance(rows, list | tuple) or not isinstance(total, int | None):
        raise TransientError("The platform's answer is not a list of records.", fix=NEXT_RUN)
    if not rows and total is not None and total > skipped:
        raise TransientError(f"The platform says that it has {total} records, and gives none.", fix=NEXT_RUN)
    return rows, total


def by_pages(listing: Listing, first: Changes) -> Iterator[Sequence[Any]]:
    """All pages of a list in the order of its ids.

    A record that leaves such a list moves those behind it up, across the edge of a page. So a list of several
    pages that has become shorter is read from its beginning again; one of which nobody says how long it is,
    until it is as long as the time before.
    """
    changes, held, before = first, None, list[Any]()
    uncounted, length = False, 0
    while True:
        rows, total = asked(listing, changes, changes.skip)
        if held is not None and total is not None and total < held:
            changes, held, before = first, total, []
            continue
        if rows and rows == before:
            raise repeated()
        if rows:
            yield rows
        held, before = total, list(rows)
        uncounted = uncounted or total is None
        changes = replace(changes, skip=changes.skip + len(rows), page=changes.page + 1)
        if rows and (total is None or changes.skip < total):
            continue
        if not uncounted or changes.skip == length:
            return
        length = changes.skip
        changes, held, before = first, None, []


def repeated() -> TransientError:
    """The error for a page that comes again, though another was asked for."""
    return TransientError("The platform gave the same page twice.", fix=NEXT_RUN)
