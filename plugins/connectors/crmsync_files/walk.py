"""One walk over the files of a stream: pages of payloads, and a cursor that knows the files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from crmsync.sdk import Cursor, Page, TransientError
from crmsync_files.fingerprint import fingerprint, same_content, stats
from crmsync_files.index import Index
from crmsync_files.join import KEY_SEPARATOR, JoinedTable, key_of, missing_column
from crmsync_files.mapping import used_columns
from crmsync_files.settings import FilesSettings, Lines, StreamFiles
from crmsync_files.table import Row, Table

Payload = dict[str, Any]


class Walk:
    """The files of one stream, ready to be read.

    A payload is `{"id", "file", "line", "row"}`, with `"lines"` for an order, or with `"fault"` when the
    row cannot be used. It holds all that the mapping needs, so that it can be replayed alone.
    """

    def __init__(self, name: str, settings: FilesSettings) -> None:
        self._settings = settings
        self._stream: StreamFiles = getattr(settings.exports, name)
        self._where = f"exports.{name}"
        self._main = Table(self._stream.file, (self._stream, settings), f"{self._where}.file")
        self._tables = [self._main]
        self._joins = [
            self._joined(join, join.file, f"{self._where}.join[{number}]")
            for number, join in enumerate(self._stream.join)
        ]
        self._lines: Lines | None = getattr(self._stream, "lines", None)
        self._line_rows = None
        if self._lines is not None and self._lines.file is not None:
            self._line_rows = self._joined(self._lines, self._lines.file, f"{self._where}.lines")

    def _joined(self, settings: Any, file: Path, where: str) -> JoinedTable:
        table = Table(file, (settings, self._settings), f"{where}.file")
        self._tables.append(table)
        return JoinedTable(settings, table, where, self._settings.decimal)

    def check(self) -> None:
        """Raises PermanentError when a file or a configured column is missing."""
        known = self._main.columns()
        for join in self._joins:
            known = join.columns(known)
        if self._line_rows is not None:
            known = self._line_rows.columns(known)
            self._check_columns(f"{self._where}.lines", self._lines, self._line_rows.table.columns())
        elif self._lines is not None and self._lines.repeated:
            self._check_columns(f"{self._where}.lines", self._lines, known)
        self._check_columns(self._where, self._stream, known)

    def _check_columns(self, where: str, mapped: Any, known: list[str] | None) -> None:
        for key, column in used_columns(mapped) if known is not None else ():
            if column not in known:
                raise missing_column(f"{where}.{key}", column, known)

    def pages(self, since: Cursor) -> Iterator[Page]:
        """Every record, when the files or their mapping are not those the cursor knows; else none.

        An interrupted walk goes on where it stopped. Raises TransientError when a file changes
        while it is read.
        """
        before = json.loads(since.token) if since.token else {"files": {}, "mapping": "", "next": 0}
        paths = [path for table in self._tables for path in table.paths()]
        stat = stats(paths)
        files = fingerprint(dict.fromkeys(paths), before["files"])
        mapping = self._mapping_digest()
        start = 0
        if before["mapping"] == mapping and same_content(before["files"], files):
            start = before["next"]
            if start is None:
                if files != before["files"]:
                    yield Page([], Cursor(token=self._token(files, mapping, None)))
                return
        self.check()
        payloads: list[Payload] = []
        done = start
        for payload in islice(self._payloads(), start, None):
            if len(payloads) == self._settings.page_size:
                done += len(payloads)
                yield Page(payloads, Cursor(token=self._token(files, mapping, done)))
                payloads = []
            payloads.append(payload)
        if stats(paths) != stat:
            raise TransientError(f"{self._where}: a file changed while it was read.")
        yield Page(payloads, Cursor(token=self._token(files, mapping, None)))

    def _token(self, files: dict[str, Any], mapping: str, next_: int | None) -> str:
        return json.dumps({"files": files, "mapping": mapping, "next": next_})

    def _mapping_digest(self) -> str:
        """Changes when the configuration would make other records of the same files."""
        said_once = self._settings.model_dump_json(exclude={"exports", "title", "page_size"})
        return hashlib.sha256((said_once + self._stream.model_dump_json()).encode()).hexdigest()[:32]

    def _payloads(self) -> Iterator[Payload]:
        joined = [*self._joins, *([self._line_rows] if self._line_rows else [])]
        seen = Index()
        try:
            for join in joined:
                for fault in join.load():
                    yield _payload(fault)
            for row, lines in self._records():
                key = key_of(row.cells, self._stream.identity_columns())
                if self._stream.distinct and key is not None and not row.fault:
                    if seen.get(key):
                        continue
                    seen.add(key, {})
                payload = self._complete(row, lines)
                if key is not None:
                    # By this the host knows a record of the quarantine when it comes again, and is good.
                    payload["id"] = self._stream.separator.join(key.split(KEY_SEPARATOR))
                yield payload
        finally:
            for join in joined:
                join.close()
            seen.close()

    def _records(self) -> Iterator[tuple[Row, list[dict[str, Any]] | None]]:
        """The main file's rows; where it has a row per line, the first of each order with all its lines."""
        if self._lines is None or not self._lines.repeated:
            for row in self._main:
                yield row, None
            return
        columns = self._stream.identity_columns()
        first: Row | None = None
        key: str | None = None
        lines: list[dict[str, Any]] = []
        for row in self._main:
            if row.fault:
                yield row, None
            elif first is not None and key is not None and key_of(row.cells, columns) == key:
                lines.append(row.cells)
            else:
                if first is not None:
                    yield first, lines
                first, key, lines = row, key_of(row.cells, columns), [dict(row.cells)]
        if first is not None:
            yield first, lines

    def _complete(self, row: Row, lines: list[dict[str, Any]] | None) -> Payload:
        cells = row.cells
        if not row.fault:
            for join in self._joins:
                row.fault = row.fault or join.apply(cells, join.rows(cells))
            if self._line_rows is not None:
                lines = self._line_rows.rows(cells)
                row.fault = row.fault or self._line_rows.apply(cells, lines)
        payload = _payload(row)
        if lines is not None:
            payload["lines"] = lines
        return payload


def _payload(row: Row) -> Payload:
    payload: Payload = {"file": row.file, "line": row.line, "row": row.cells}
    if row.fault:
        payload["fault"] = row.fault
    return payload
