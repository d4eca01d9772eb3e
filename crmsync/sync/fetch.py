"""Fetching ahead: the next page comes while this one is written."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

from crmsync.sdk import Cursor, Page, Stopped, TransientError
from crmsync.sdk.connector import BoundStream

_END = object()
_PATIENCE = 0.2

AHEAD = 4
"""How many pages wait at the most: what keeps memory flat however long the history."""

GRACE = 10.0
"""Seconds that a page on its way is still waited for after a stop."""


def fetch_ahead(stream: BoundStream[Any], since: Cursor, stop: threading.Event) -> Iterator[list[Page]]:
    """The stream's pages, fetched while earlier ones are worked on; each list is what is at hand.

    A slow platform gives lists of one page, each stored as it comes. One that is faster than the
    store gives up to `AHEAD` pages, which then share a transaction.

    Whatever the connector raises is raised here, after the pages that came before it. A page that
    repeats the cursor and payloads of the one before ends the walk with TransientError, so that a
    platform which loops cannot make us loop.
    """
    pages: queue.Queue[Any] = queue.Queue(maxsize=AHEAD)
    enough = threading.Event()

    def put(item: Any) -> bool:
        while not enough.is_set():
            try:
                pages.put(item, timeout=_PATIENCE)
            except queue.Full:
                continue
            return True
        return False

    def fetch() -> None:
        walk: Iterator[Page] | None = None
        try:
            walk = iter(stream(since))
            for page in walk:
                if not put(page) or stop.is_set():
                    break
            put(_END)
        except BaseException as error:
            put(error)
        finally:
            if walk is not None and hasattr(walk, "close"):
                walk.close()

    thread = threading.Thread(target=fetch, name=f"fetch-{stream.stream.name}", daemon=True)
    thread.start()
    last: Page | None = None
    end: Any = None
    try:
        while end is None:
            at_hand: list[Page] = []
            item = _take(pages, stop)
            while isinstance(item, Page) and not _same(item, last):
                last = item
                at_hand.append(item)
                if len(at_hand) == AHEAD or pages.empty():
                    break
                item = _take(pages, stop)
            else:
                end = item
            if at_hand:
                yield at_hand
        if isinstance(end, BaseException):
            raise end
        if end is not _END:
            raise _not_a_new_page(stream, end)
        if stop.is_set():
            raise Stopped
    finally:
        enough.set()
        thread.join(timeout=5)


def _take(pages: queue.Queue[Any], stop: threading.Event) -> Any:
    """The next item. After a stop, a platform that keeps silent is not waited for any longer."""
    patience = GRACE / _PATIENCE
    while True:
        try:
            return pages.get(timeout=_PATIENCE)
        except queue.Empty:
            patience -= stop.is_set()
            if patience <= 0:
                return Stopped()


def _same(page: Page, other: Page | None) -> bool:
    return (
        other is not None
        and bool(page.payloads)
        and page.cursor == other.cursor
        and page.payloads == other.payloads
    )


def _not_a_new_page(stream: BoundStream[Any], item: Any) -> Exception:
    if isinstance(item, Page):
        return TransientError(
            f"The platform gave the same page of {stream.stream.name} twice.",
            fix="The next run goes on from the last page that was new.",
        )
    return TypeError(f"the stream yielded a {type(item).__name__}, not a Page")
