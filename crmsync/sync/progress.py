"""Who watches a run: a progress bar, a test, or nobody."""

from __future__ import annotations

from typing import Protocol

from crmsync.sdk import RunResult, Wait
from crmsync.sync.run import Counts


class Progress(Protocol):
    """Told what happens while it happens. Must be quick and must not raise."""

    def started(self, connection: str, stream: str) -> None: ...

    def page(self, connection: str, stream: str, counts: Counts, total: int | None) -> None: ...

    def waiting(self, connection: str, wait: Wait) -> None: ...

    def finished(self, run: RunResult) -> None: ...


class Unwatched:
    """Nobody watches."""

    def started(self, connection: str, stream: str) -> None: ...

    def page(self, connection: str, stream: str, counts: Counts, total: int | None) -> None: ...

    def waiting(self, connection: str, wait: Wait) -> None: ...

    def finished(self, run: RunResult) -> None: ...
