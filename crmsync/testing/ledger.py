"""The shop's records as they stand at its clock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

from crmsync.testing.almanac import iso
from crmsync.testing.change import Change

STREAMS = ("products", "customers", "orders", "refunds", "reviews", "conversations")


class Table:
    """The records of one stream, in the order in which they last changed."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._changed: dict[str, int] = {}
        self._order: list[tuple[int, str]] | None = []

    def change(self, id: str, fields: dict[str, Any], at: int) -> None:
        """Set these fields; the record now counts as changed at this second."""
        self.rows[id] = {**self.rows.get(id, {}), **fields, "updated_at": iso(at)}
        self._changed[id] = at
        self._order = None

    def remove(self, id: str) -> None:
        """Forget the record, as a platform that deletes for good."""
        del self.rows[id], self._changed[id]
        self._order = None

    def order(self, since: float | None = None, until: float | None = None) -> list[tuple[int, str]]:
        """(changed at, id) of the records that changed from `since` to before `until`, sorted."""
        if self._order is None:
            self._order = sorted((at, id) for id, at in self._changed.items())
        first = 0 if since is None else bisect_left(self._order, (since, ""))
        last = len(self._order) if until is None else bisect_left(self._order, (until, ""))
        return self._order[first:last]


class Ledger:
    """All tables, filled from the history as time goes on."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self.tables = {stream: Table() for stream in STREAMS}
        self._changes = iter(changes)
        self._next = next(self._changes, None)

    def __getitem__(self, stream: str) -> Table:
        return self.tables[stream]

    def reveal(self, until: int) -> None:
        """Let everything happen that happens up to and including this second."""
        while (change := self._next) is not None and change.at <= until:
            self.tables[change.stream].change(change.id, change.fields, change.at)
            self._next = next(self._changes, None)
