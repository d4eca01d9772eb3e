"""What a person sees of a run: bars on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

if TYPE_CHECKING:
    from crmsync.sdk import RunResult, Wait
    from crmsync.sync.progress import Progress as Watcher

LINE_EVERY = 10.0
_MARKS = {"ok": "[green]✓[/]", "partial": "[yellow]![/]", "failed": "[red]✗[/]", "stopped": "[yellow]■[/]"}


class _Counts(Protocol):
    pulled: int


@contextmanager
def watching(console: Console) -> Iterator[Watcher]:
    """Who to tell of runs while they happen."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Progress(
        TextColumn("{task.fields[mark]} {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[told]}"),
        console=console,
    ) as progress:
        yield Bars(progress)


class Bars:
    """A bar for each stream."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[tuple[str, str], tuple[TaskID, float]] = {}
        self._now: dict[str, TaskID] = {}

    def started(self, connection: str, stream: str) -> None:
        task = self._progress.add_task(f"{connection}/{stream}", total=None, mark=" ", told="")
        self._tasks[connection, stream] = task, time.monotonic()
        self._now[connection] = task

    def page(self, connection: str, stream: str, counts: _Counts, total: int | None) -> None:
        task, began = self._tasks[connection, stream]
        told = _pace(counts.pulled, total, time.monotonic() - began)
        self._progress.update(task, completed=counts.pulled, total=total, told=told)

    def waiting(self, connection: str, wait: Wait) -> None:
        if (task := self._now.get(connection)) is not None:
            self._progress.update(task, told=_until(wait))

    def finished(self, run: RunResult) -> None:
        task, _ = self._tasks[run.connection, run.stream]
        total = max(run.pulled, 1)
        self._progress.update(
            task, completed=total, total=total, mark=_MARKS.get(run.status, " "), told=_ended(run)
        )


class Lines:
    """A line when a stream ends, and every ten seconds before that."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._said: dict[tuple[str, str], float] = {}
        self._began: dict[tuple[str, str], float] = {}

    def started(self, connection: str, stream: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._said[connection, stream] = self._began[connection, stream] = now

    def page(self, connection: str, stream: str, counts: _Counts, total: int | None) -> None:
        now, key = time.monotonic(), (connection, stream)
        with self._lock:
            if now - self._said[key] < LINE_EVERY:
                return
            self._said[key] = now
        self._say(f"{connection}/{stream}: {_pace(counts.pulled, total, now - self._began[key])}")

    def waiting(self, connection: str, wait: Wait) -> None:
        now, key = time.monotonic(), (connection, "")
        with self._lock:
            if now - self._said.get(key, -LINE_EVERY) < LINE_EVERY:
                return
            self._said[key] = now
        self._say(f"{connection}: {_until(wait)}")

    def finished(self, run: RunResult) -> None:
        self._say(f"{run.connection}/{run.stream}: {run.status}, {_ended(run)}")

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)


def _pace(pulled: int, total: int | None, seconds: float) -> str:
    of = f" of {total:,}" if total is not None else ""
    return f"{pulled:,}{of} records, {pulled / max(seconds, 0.001):,.0f}/s"


def _until(wait: Wait) -> str:
    return f"waiting until {wait.until.astimezone():%H:%M:%S}, {wait.reason}"


def _ended(run: RunResult) -> str:
    counts = [
        f"{count:,} {word}"
        for word, count in (
            ("new", run.inserted),
            ("changed", run.updated),
            ("unchanged", run.unchanged),
            ("in quarantine", run.rejected),
            ("gone", run.deleted),
        )
        if count
    ]
    return ", ".join(counts) or "nothing new"
