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


def fetch_ahead(stream: BoundStream[Any], since: Cursor, stop: threading.Event) -> Iterator[Page]:
    """The stream's pages; one is always being fetched while another is worked on, never more.

    Whatever the connector raises is raised here, after the pages that came before it. A page that
    repeats the cursor and payloads of the one before ends the walk with TransientError, so that a
    platform which loops cannot make us loop.
    """
    pages: queue.Queue[Any] = queue.Queue(maxsize=1)
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
    try:
        while (item := pages.get()) is not _END:
            if isinstance(item, Page):
                if last is not None and item.payloads and _same(item, last):
                    raise TransientError(
                        f"The platform gave the same page of {stream.stream.name} twice.",
                        fix="The next run goes on from the last page that was new.",
                    )
                last = item
                yield item
            elif isinstance(item, BaseException):
                raise item
            else:
                raise TypeError(f"the stream yielded a {type(item).__name__}, not a Page")
        if stop.is_set():
            raise Stopped
    finally:
        enough.set()
        thread.join(timeout=5)


def _same(page: Page, other: Page) -> bool:
    return page.cursor == other.cursor and page.payloads == other.payloads
