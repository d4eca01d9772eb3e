"""Rows in memory, listed as platforms list them: what a fake platform is made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from crmsync.sdk import to_time
from crmsync.testing.server import Answer

Row = dict[str, Any]


class MemoryTable:
    """The records of one stream as the platform shows them.

    `id` and `changed` name the fields that hold a row's id and the time of its last change; `write`
    turns a time into what the platform shows.
    """

    def __init__(
        self,
        rows: Iterable[Row] = (),
        *,
        id: str = "id",
        changed: str = "updated_at",
        write: Callable[[datetime], Any] = datetime.isoformat,
    ) -> None:
        self._id, self._changed, self._write = id, changed, write
        self.rows: list[Row] = list(rows)
        self._turned = 0

    def __len__(self) -> int:
        return len(self.rows)

    def page(self, after: Any = None, since: Any = None, limit: int = 5) -> tuple[list[Row], Any]:
        """Rows changed at or after `since` that stand behind the row with the id `after`, and the id
        behind which the next page begins: None after the last one."""
        rows = sorted(self.rows, key=self._place)
        if after is not None:
            [edge] = [self._place(row) for row in rows if row[self._id] == after]
            rows = [row for row in rows if self._place(row) > edge]
        if since is not None:
            rows = [row for row in rows if row[self._changed] >= since]
        page = rows[:limit]
        return page, page[-1][self._id] if len(rows) > limit else None

    def part(
        self,
        skip: int,
        limit: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by_id: bool = False,
    ) -> list[Row]:
        """Rows changed at or after `since` and before `until`, behind the first `skip` of them; in the order
        of their change or, `by_id`, of their ids. For a platform that pages by number or by offset.

        It is as unkind as such platforms are: times are taken only as finely as `write` tells them, and what
        changed in one moment comes in another order each time.
        """
        rows = sorted(self.rows, key=lambda row: row[self._id])
        if not by_id:
            # Turned by almost a page, so that the next page begins with what the one before has given.
            self._turned += limit - 1
            rows = list(self._by_change(rows))
        if since is not None:
            rows = [row for row in rows if self._changed_at(row) >= _read(self._write(since))]
        if until is not None:
            rows = [row for row in rows if self._changed_at(row) < _read(self._write(until))]
        return rows[skip : skip + limit]

    def keep(self, count: int) -> bool:
        """Leave only so many rows; False when there are not enough."""
        if len(self.rows) < count:
            return False
        del self.rows[count:]
        return True

    def touch(self, count: int, now: datetime) -> list[str]:
        """Let the first rows change in one moment; their ids as text."""
        for row in self.rows[:count]:
            row[self._changed] = self._write(now)
        return [str(row[self._id]) for row in self.rows[:count]]

    def _by_change(self, rows: list[Row]) -> Iterator[Row]:
        for _, group in groupby(sorted(rows, key=self._changed_at), key=self._changed_at):
            tied = list(group)
            turned = self._turned % len(tied)
            yield from tied[-turned:] + tied[:-turned]

    def _changed_at(self, row: Row) -> Any:
        return _read(row[self._changed])

    def _place(self, row: Row) -> tuple[Any, str]:
        return row[self._changed], str(row[self._id])


def _read(shown: Any) -> Any:
    """A time that the platform shows, so that it can be compared: text need not sort by time."""
    return to_time(shown) if isinstance(shown, str) else shown


def answered(body: Any, status: int = 200) -> Answer:
    """An answer of JSON."""
    return Answer(status, json.dumps(body, ensure_ascii=False).encode())
