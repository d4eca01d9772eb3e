"""Walks over lists that exist only below another: the reviews of each product."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from crmsync.sdk.connector import Cursor, Page
from crmsync.sdk.listing import Changes, asked, by_pages, repeated

Parents = Callable[[Any], tuple[Sequence[Any], int | None]]
"""Asks the platform for one page of the outer list in the order of its ids: those behind this id, None for
the first page; and how many there are behind it. None where it does not say, and an empty page is the end."""

ChildListing = Callable[[Any, Changes], tuple[Sequence[Any], int | None]]
"""Asks the platform for one page of the list below a parent; as `Listing` does."""


def _id(parent: Any) -> Any:
    return parent["id"]


def walk_below(
    since: Cursor,
    started: datetime,
    parents: Parents,
    listing: ChildListing,
    id_of: Callable[[Any], str | int] = _id,
) -> Iterator[Page]:
    """The records below every parent, one parent after the other.

    The outer list is asked for by id and never by the number of a page, so it may grow and shrink meanwhile:
    each parent is read once, and none is passed over. A walk that was cut short goes on behind the last
    parent that was read whole. Only the end of the walk says a time, which is when it `started`: what changed
    before then has been given, whatever parent it was below.

    `listing` is asked by id and with the times of the cursor, for platforms that can filter by them.
    Raises TransientError when an answer cannot be a page of its list.
    """
    after, begun = _read(since.token) or (None, started)
    first = Changes(since.at, since.until, by_id=True)
    more = True
    while more:
        group, left = asked(parents, after)
        more = bool(group) and (left is None or left > len(group))
        ids = [id_of(parent) for parent in group]
        if after in ids or (all(isinstance(id, int) for id in ids) and not _ascend(after, ids)):
            raise repeated()
        told = False
        for parent, id in zip(group, ids, strict=True):
            for rows in by_pages(partial(listing, parent), first):
                yield Page(rows, replace(since, token=_written(after, begun)))
                told = True
            after = id
        if group and not told:
            # A shop may have thousands of products without a review: their place is worth keeping, too.
            yield Page([], replace(since, token=_written(after, begun)))
    yield Page([], Cursor(min(begun, since.until or begun), until=since.until))


def _ascend(after: Any, ids: list[Any]) -> bool:
    return ids == sorted(set(ids)) and (after is None or all(id > after for id in ids[:1]))


def _written(after: Any, begun: datetime) -> str:
    return json.dumps([after, begun.isoformat()])


def _read(token: str | None) -> tuple[Any, datetime] | None:
    """None for a place that a walk of another kind has left: reading all again loses nothing."""
    try:
        after, begun = json.loads(token or "")
        return after, datetime.fromisoformat(begun)
    except (TypeError, ValueError):
        return None
