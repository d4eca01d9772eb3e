"""Rows found by key: in memory while they are few, on disk from then on, so that memory stays flat."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

MEMORY_BYTES = 32 * 2**20
_CELL_BYTES = 120


class Index:
    """A multimap from key to rows, in the order in which they were added."""

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._room = memory_bytes
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._disk: sqlite3.Connection | None = None

    def add(self, key: str, cells: dict[str, Any]) -> None:
        if self._disk is not None:
            self._disk.execute("INSERT INTO row VALUES (?, ?)", (key, json.dumps(cells)))
            return
        self._rows.setdefault(key, []).append(cells)
        self._room -= _CELL_BYTES * (len(cells) + 1) + sum(map(len, map(str, cells.values())))
        if self._room < 0:
            self._spill()

    def get(self, key: str) -> list[dict[str, Any]]:
        if self._disk is None:
            return self._rows.get(key, [])
        found = self._disk.execute("SELECT cells FROM row WHERE key = ? ORDER BY rowid", (key,))
        return [json.loads(cells) for (cells,) in found]

    def close(self) -> None:
        if self._disk is not None:
            self._disk.close()
        if self._folder is not None:
            self._folder.cleanup()
        self._rows.clear()

    def _spill(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="crmsync-")
        # The host may take the next page in another thread than the last one.
        self._disk = sqlite3.connect(
            Path(self._folder.name) / "index.db", check_same_thread=False, isolation_level=None
        )
        self._disk.execute("PRAGMA journal_mode = OFF")
        self._disk.execute("PRAGMA synchronous = OFF")
        self._disk.execute("BEGIN")
        self._disk.execute("CREATE TABLE row (key TEXT, cells TEXT)")
        self._disk.execute("CREATE INDEX row_key ON row (key)")
        self._disk.executemany(
            "INSERT INTO row VALUES (?, ?)",
            ((key, json.dumps(cells)) for key, rows in self._rows.items() for cells in rows),
        )
        self._rows.clear()
