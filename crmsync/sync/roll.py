"""What a complete read has listed, for a dry run: it is kept beside the store, in a file that vanishes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, text

from crmsync.sync.write import Target

_AT_ONCE = 5_000


class Roll:
    """The ids that were listed. Of any number of them it takes the same memory."""

    def __init__(self) -> None:
        # Without a name SQLite makes a file of its own, and deletes it.
        self._listed = sqlite3.connect("", isolation_level=None)
        self._listed.execute("PRAGMA cache_size=-4096")
        self._listed.execute("CREATE TABLE listed (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listed.close()

    def add(self, ids: Iterable[str]) -> None:
        self._listed.execute("BEGIN")
        self._listed.executemany("INSERT OR IGNORE INTO listed VALUES (?)", ((id,) for id in ids))
        self._listed.execute("COMMIT")

    def count_unlisted(self, connection: Connection, target: Target) -> int:
        """How many records of the stream are stored and were not listed: a real run would bury them."""
        stored = connection.execution_options(yield_per=_AT_ONCE).execute(
            text(
                f'SELECT external_id FROM "{target.kind.table}"'
                " WHERE connection_id = :connection_id AND deleted_at IS NULL"
            ),
            {"connection_id": target.connection_id},
        )
        known = "SELECT 1 FROM listed WHERE id = ?"
        return sum(self._listed.execute(known, (id,)).fetchone() is None for id in stored.scalars())
