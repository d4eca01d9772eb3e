"""The configuration at work now, and the end of the one before it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from crmsync.daemon.app import App


class Current:
    """Hands the App out to jobs. One that was replaced is closed when the last job that uses it is done."""

    def __init__(self, app: App) -> None:
        self._lock = threading.Lock()
        self._app = app
        self._users: Counter[int] = Counter()
        self._replaced: dict[int, App] = {}

    @property
    def app(self) -> App:
        return self._app

    @contextmanager
    def use(self) -> Iterator[App]:
        """The App, which stays open for as long as the block lasts."""
        with self._lock:
            app = self._app
            self._users[id(app)] += 1
        try:
            yield app
        finally:
            with self._lock:
                self._users[id(app)] -= 1
                unused = self._replaced.pop(id(app), None) if not self._users[id(app)] else None
            if unused is not None:
                unused.retire()

    def replace(self, app: App) -> None:
        """From now on jobs get this one."""
        with self._lock:
            old, self._app = self._app, app
            idle = not self._users[id(old)]
            if not idle:
                self._replaced[id(old)] = old
        if idle:
            old.retire()
