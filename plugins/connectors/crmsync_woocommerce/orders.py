"""Orders in the order in which they changed, those in the trash among them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, tzinfo

from crmsync.sdk import Cursor, Page, TransientError
from crmsync_woocommerce.api import Api, Listed, Row
from crmsync_woocommerce.walk import MODIFIED, by_time


def orders(
    api: Api,
    size: int,
    hidden: Collection[str],
    since: Cursor,
    started: datetime,
    zone: tzinfo | None,
) -> Iterator[Page]:
    """The orders that changed since then: first those with a hidden status, which the list of all leaves out.

    An order that is hidden during the walk is seen by the next one: no cursor says more than `started`.
    """

    def hidden_ones(page: Row) -> Listed:
        return _fitting(api.list("orders", {"status": ",".join(hidden), **page}), hidden, inside=True)

    def shown_ones(page: Row) -> Listed:
        return _fitting(api.list("orders", page), hidden, inside=False)

    found = 0
    if hidden:
        for batch in by_time(hidden_ones, MODIFIED, size, since.at, since.until, zone):
            found += len(batch.rows)
            if batch.rows:
                yield Page(batch.rows, since)
    for batch in by_time(shown_ones, MODIFIED, size, since.at, since.until, zone):
        at = min(batch.at, started) if batch.at else None
        total = None if batch.total is None else batch.total + found
        yield Page(batch.rows, Cursor(at, until=since.until), total)


def _fitting(listed: Listed, hidden: Collection[str], *, inside: bool) -> Listed:
    """The list itself, once it is sure that it answers this question."""
    if any((row.get("status") in hidden) is not inside for row in listed.rows if _is_word(row)):
        raise TransientError(
            "The shop answered with orders of another status than was asked for.",
            fix="A cache that ignores the query may be the cause; leave /wp-json out of it.",
        )
    return listed


def _is_word(row: Row) -> bool:
    return isinstance(row.get("status"), str)
