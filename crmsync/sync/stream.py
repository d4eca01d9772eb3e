"""One run of one stream: pages in, rows and cursor out, whatever is at hand in one transaction."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from crmsync.sdk import (
    Clock,
    Connector,
    CrmsyncError,
    Cursor,
    Rejection,
    RunResult,
    Stopped,
    TooManyRejected,
    Wait,
)
from crmsync.sdk.connector import BoundStream
from crmsync.sdk.events import RunStatus
from crmsync.store import Store
from crmsync.store.keyring import Keyring
from crmsync.store.tables import to_instant
from crmsync.sync.cursor import Position, advance, read_position
from crmsync.sync.erased import screened
from crmsync.sync.fetch import fetch_ahead
from crmsync.sync.keep import KEEP_ALL, Keep
from crmsync.sync.page import Mapped, map_pages
from crmsync.sync.progress import Progress, Unwatched
from crmsync.sync.quarantine import has_quarantine, put_aside, release, span_to_read_again
from crmsync.sync.roll import Roll
from crmsync.sync.run import Counts, RunKind, end_run, record_counts, record_wait, result_of, start_run
from crmsync.sync.write import SEEN, Target, bury_unseen, compare, write_records

log = logging.getLogger("crmsync.sync")

REJECTED_SHARE = 0.05
REJECTED_MOST = 100
REJECTED_FEW = 10
"""A run stops when it rejected more than a hundred records, or more than one in twenty; up to ten
bad records are bad records, not a changed API."""

SHOW_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run should read: by default what changed since the committed cursor.

    `since`/`until` re-read a span and leave the cursor where it is; `full` reads everything again;
    `dry_run` reads and compares but writes nothing.
    """

    since: datetime | None = None
    until: datetime | None = None
    full: bool = False
    dry_run: bool = False

    @property
    def kind(self) -> RunKind:
        if self.since or self.until:
            return "backfill"
        return "full" if self.full else "incremental"

    def start(self, position: Position, stream: BoundStream[Any]) -> Cursor:
        """The cursor this run begins at."""
        if self.kind == "backfill":
            return Cursor(at=self.since, until=self.until)
        return Cursor() if self.full else position.cursor.back(stream.stream.overlap)


INCREMENTAL = Scope()


@dataclass(slots=True)
class Waits:
    """Where a connector's session reports its pauses; a run listens while it lasts."""

    listener: Callable[[Wait], None] | None = None

    def __call__(self, wait: Wait) -> None:
        if self.listener is not None:
            self.listener(wait)


@dataclass(slots=True)
class Source:
    """An open connection: its connector, its row in the store, and where its pauses are reported."""

    connector: Connector[Any]
    connection_id: int
    name: str
    waits: Waits = field(default_factory=Waits)


@dataclass(slots=True)
class StreamRun:
    """One run of one stream, from its first page to its place in the history. Without a `keyring` erased
    customers are recognised by the store's own key."""

    store: Store
    source: Source
    stream: str
    clock: Clock
    scope: Scope = INCREMENTAL
    stop: threading.Event = field(default_factory=threading.Event)
    progress: Progress = field(default_factory=Unwatched)
    on_rejected: Callable[[Rejection], None] = lambda rejection: None
    keyring: Keyring | None = None
    keep: Keep = KEEP_ALL
    counts: Counts = field(default_factory=Counts)
    _run_id: int = 0
    _watch_quarantine: bool = False
    _again: Cursor | None = None
    _roll: Roll | None = None
    _reasons: Counter[str] = field(default_factory=Counter)

    def run(self) -> RunResult:
        """Pull until the platform has no more. Whatever goes wrong ends in the result."""
        started = self.clock.now()
        with self.store.read() as connection:
            position = read_position(connection, self.source.connection_id, self.stream)
            self._again = span_to_read_again(connection, self.source.connection_id, self.stream)
            self._watch_quarantine = has_quarantine(connection, self.source.connection_id, self.stream)
        if not self.scope.dry_run:
            with self.store.write() as connection:
                self._run_id = start_run(
                    connection, self.source.connection_id, self.stream, self.scope.kind, started
                )
        self.source.waits.listener = self._waiting
        self.progress.started(self.source.name, self.stream)
        status: RunStatus
        code = ""
        try:
            self._pull(position)
        except Stopped as error:
            status, reason, code = "stopped", error.what, error.code
        except Exception as error:
            status = "partial" if self.counts.pages else "failed"
            reason, code = _reason(error), getattr(error, "code", "bug")
            log.warning(
                "%s/%s: %s",
                self.source.name,
                self.stream,
                reason,
                extra={
                    "action": "run_failed",
                    "connection": self.source.name,
                    "stream": self.stream,
                    "error_code": code,
                },
                exc_info=None if isinstance(error, CrmsyncError) else error,
            )
        else:
            status, reason = "ok", self._why_not_all()
        finally:
            self.source.waits.listener = None
        ended = self.clock.now()
        if not self.scope.dry_run:
            with self.store.write() as connection:
                end_run(connection, self._run_id, status, reason, self.counts, ended)
        result = result_of(
            self._run_id, (self.source.name, self.stream), status, reason, (started, ended), self.counts, code
        )
        self.progress.finished(result)
        return result

    def _pull(self, position: Position) -> None:
        stream: BoundStream[Any] = getattr(self.source.connector, self.stream)
        target = Target(
            self.source.connection_id,
            self.source.connector.identity_scope(),
            self.stream,
            first=position.walked_at is None,
            keyring=self.keyring or Keyring(self.store, make=False),
            keep=self.keep,
        )
        start, moves = self.scope.start(position, stream), self._moves_cursor(position)
        if self.scope.dry_run:
            self._look(target, stream, start)
        else:
            self._finish(target, stream, self._walk(target, stream, start, moves=moves))
            if target.first:
                self.store.analyze_new()
        if self._again is not None and self.scope.kind == "incremental":
            self._walk(target, stream, self._again, moves=False)

    def _look(self, target: Target, stream: BoundStream[Any], since: Cursor) -> None:
        """Compare all pages with what is stored; of a complete read also what it lacks."""
        if not self._lists_everything(target):
            self._walk(target, stream, since, moves=False)
            return
        with Roll() as self._roll:
            self._walk(target, stream, since, moves=False)
            with self.store.read() as connection:
                self.counts.deleted = self._roll.count_unlisted(connection, target)

    def _walk(self, target: Target, stream: BoundStream[Any], since: Cursor, *, moves: bool) -> Cursor:
        """Store the pages from `since` on; the cursor of the last one."""
        cursor = since
        for pages in fetch_ahead(stream, since, self.stop):
            mapped = map_pages(stream, pages)
            self._weigh(mapped)
            if self.scope.dry_run:
                self._compare(target, mapped)
            else:
                self._commit(target, mapped, cursor, moves=moves)
            cursor = mapped.cursor
            self.progress.page(self.source.name, self.stream, self.counts, mapped.total)
            if since.until and cursor.at and cursor.at >= since.until:
                break
        return cursor

    def _moves_cursor(self, position: Position) -> bool:
        # Reading everything again must not lead the next run back to the beginning if it is cut short.
        return self.scope.kind == "incremental" or (self.scope.full and position.walked_at is None)

    def _weigh(self, mapped: Mapped) -> None:
        """Stop before a page whose rejections say that the API changed."""
        self._reasons.update(entry.reason for entry in mapped.rejected)
        rejected = self.counts.rejected + len(mapped.rejected)
        pulled = self.counts.pulled + mapped.pulled
        if rejected > REJECTED_MOST or (rejected > REJECTED_FEW and rejected > REJECTED_SHARE * pulled):
            reason, times = self._reasons.most_common(1)[0]
            raise TooManyRejected(
                f"{rejected} of {pulled} {self.stream} could not be understood, "
                f"most often ({times}×): {reason}.",
                fix="The platform's API or the mapping has changed; the cursor stays where it is.",
            )

    def _compare(self, target: Target, mapped: Mapped) -> None:
        with self.store.read() as connection:
            page = screened(target.screen(connection), mapped.records, mapped.digests)
            found = compare(connection, target, page)
        if self._roll is not None:
            self._roll.add(record.external_id for record in page.records)
        self._count(mapped, len(found.new), len(found.changed), found.unchanged)

    def _commit(self, target: Target, mapped: Mapped, before: Cursor, *, moves: bool) -> None:
        now = self.clock.now()
        moment = to_instant(now)
        counted = replace(self.counts)
        try:
            with self.store.write() as connection:
                screen = target.screen(connection)
                page = screened(screen, mapped.records, mapped.digests)
                rejected = screen.payloads(mapped.rejected) if screen else mapped.rejected
                written = write_records(connection, target, page, moment)
                if self._watch_quarantine:
                    release(connection, target, [record.external_id for record in page.records])
                self._watch_quarantine |= bool(rejected)
                put_aside(connection, target, rejected, _span(before, mapped.cursor), self._run_id, moment)
                if self._lists_everything(target):
                    SEEN.insert(connection, [(self._run_id, r.external_id) for r in page.records])
                if moves:
                    advance(connection, target.connection_id, self.stream, mapped.cursor, now, walked=False)
                self._count(mapped, *written)
                record_counts(connection, self._run_id, self.counts)
        except BaseException:
            self.counts = counted
            raise
        for entry in rejected:
            self.on_rejected(Rejection(self.source.name, self.stream, entry.external_id, entry.reason))

    def _count(self, mapped: Mapped, inserted: int, updated: int, unchanged: int) -> None:
        counts = self.counts
        counts.pages += mapped.pages
        counts.pulled += mapped.pulled
        counts.inserted += inserted
        counts.updated += updated
        counts.unchanged += unchanged
        counts.rejected += len(mapped.rejected)

    def _finish(self, target: Target, stream: BoundStream[Any], cursor: Cursor) -> None:
        """The walk reached the platform's end: commit where it stands, bury what a complete read lacked."""
        if self.scope.kind == "backfill":
            return
        now = self.clock.now()
        with self.store.write() as connection:
            if self._lists_everything(target):
                self.counts.deleted = bury_unseen(connection, target, self._run_id, to_instant(now))
                connection.execute(text("DELETE FROM seen WHERE run_id = :id"), {"id": self._run_id})
            # Without a change the committed time would drift back by the overlap at every run.
            stored = read_position(connection, target.connection_id, self.stream).cursor
            if stored.at and cursor.at and cursor.at < stored.at and not self.scope.full:
                cursor = replace(cursor, at=stored.at)
            advance(
                connection, target.connection_id, self.stream, replace(cursor, until=None), now, walked=True
            )

    def _lists_everything(self, target: Target) -> bool:
        return self.scope.full and getattr(type(self.source.connector), self.stream).snapshot

    def _waiting(self, wait: Wait) -> None:
        seconds = (wait.until - self.clock.now()).total_seconds()
        self.counts.waited_seconds += max(0.0, seconds)
        self.progress.waiting(self.source.name, wait)
        if seconds > SHOW_WAIT and self._run_id:
            record_wait(self.store, self._run_id, wait)

    def _why_not_all(self) -> str:
        if not self.counts.rejected:
            return ""
        reason, _ = self._reasons.most_common(1)[0]
        return f"{self.counts.rejected} in quarantine, most often: {reason}"


def _span(before: Cursor, after: Cursor) -> Cursor:
    """What to ask for to see the records between two cursors again."""
    until = after.at + timedelta(seconds=1) if after.at else None
    return Cursor(at=before.at, until=until)


def _reason(error: Exception) -> str:
    if isinstance(error, CrmsyncError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
    return (
        f"{type(error).__name__} at {place}: {error}. This is a fault in the code: the log has the traceback."
    )
