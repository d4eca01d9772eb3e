"""Streams that an event asked for, until their pull begins; and one pull of a connection at a time."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Wakes:
    """What many threads ask for and one pull answers: ten events in a moment cost one."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._asked: defaultdict[str, set[str]] = defaultdict(set)
        self._pulling: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def ask(self, connection: str, streams: Iterable[str]) -> None:
        with self._guard:
            self._asked[connection].update(streams)

    def asked(self, connection: str) -> bool:
        """Whether streams wait that no pull has begun with."""
        with self._guard:
            return bool(self._asked[connection])

    @contextmanager
    def pull(self, connection: str, *, wait: bool) -> Iterator[frozenset[str] | None]:
        """What was asked for so far, now being answered; None when another pull goes on and this one
        does not `wait` for it: then all that was asked for still is."""
        with self._guard:
            pulling = self._pulling[connection]
        if not pulling.acquire(blocking=wait):
            yield None
            return
        try:
            with self._guard:
                asked = frozenset(self._asked.pop(connection, ()))
            yield asked
        finally:
            pulling.release()
