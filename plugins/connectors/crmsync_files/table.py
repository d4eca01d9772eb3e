"""Rows out of CSV, TSV and JSON Lines files, each with its place; a damaged row does not stop the rest."""

from __future__ import annotations

import codecs
import csv
import glob
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from crmsync.sdk import PermanentError, TransientError
from crmsync_files.settings import FileFormat

# A byte that is no text becomes this; real text never holds a lone surrogate.
_MARK = "\udcff"
codecs.register_error("crmsync_files.mark", lambda error: (_MARK, error.end))  # type: ignore[attr-defined]
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclass(slots=True)
class Row:
    """One row and where it stands; `fault` says why it cannot be used."""

    file: str
    line: int
    cells: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


class Table:
    """The rows of one file, or of all files that match a pattern, in the order of their names.

    `formats` are consulted in turn for each option, the most specific first; `where` names the
    configuration's key for error messages.
    """

    def __init__(self, path: Path, formats: tuple[FileFormat, ...], where: str) -> None:
        self._path = path
        self._formats = formats
        self._where = where

    def paths(self) -> list[Path]:
        """The files. Raises PermanentError when there is none."""
        pattern = str(self._path)
        found = sorted(map(Path, glob.glob(pattern, recursive=True))) if glob.has_magic(pattern) else []
        found = found or ([self._path] if self._path.is_file() else [])
        if not found:
            raise PermanentError(
                f"{self._where}: there is no file {self._path}.",
                fix="Check the path and its folder's rights.",
            )
        return found

    def columns(self) -> list[str] | None:
        """The names of the first file's columns, or None where every row has its own (JSON Lines)."""
        path = self.paths()[0]
        if self._format(path) == "jsonl":
            return None
        with self._open(path) as stream:
            return self._header(path, self._cells(path, stream))

    def __iter__(self) -> Iterator[Row]:
        for path in self.paths():
            try:
                with self._open(path) as stream:
                    yield from (self._objects if self._format(path) == "jsonl" else self._rows)(path, stream)
            except _DAMAGE as error:
                raise TransientError(
                    f"{self._where}: {path.name} cannot be read to its end ({error}).",
                    fix="It may still be being written; otherwise export it again.",
                ) from None

    def _option(self, name: str, fallback: str) -> Any:
        return next((v for f in self._formats if (v := getattr(f, name)) is not None), fallback)

    def _format(self, path: Path) -> str:
        plain = Path(path.stem) if path.suffix in (".gz", ".xz") else path
        format = self._option("format", _SUFFIXES.get(plain.suffix.lower(), ""))
        if not format:
            raise PermanentError(
                f"{self._where}: the name {path.name} does not tell the format.",
                fix="Set `format` to csv, tsv or jsonl.",
            )
        return str(format)

    def _open(self, path: Path) -> IO[str]:
        encoding = self._option("encoding", "utf-8-sig")
        if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
            encoding = "utf-8-sig"
        opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
        try:
            raw = opener(path, "rb")
        except OSError as error:
            raise TransientError(f"{self._where}: {path.name} cannot be opened ({error.strerror}).") from None
        return io.TextIOWrapper(raw, encoding=encoding, errors="crmsync_files.mark", newline="")  # type: ignore[arg-type]

    def _cells(self, path: Path, stream: IO[str]) -> Any:
        delimiter = self._option("delimiter", "\t" if self._format(path) == "tsv" else ",")
        return csv.reader(stream, delimiter=delimiter, quotechar=self._option("quote", '"'))

    def _header(self, path: Path, reader: Iterator[list[str]]) -> list[str]:
        given = next((f.header for f in self._formats if f.header is not None), None)
        if given is not None:
            return given
        names = [name.strip() for name in next(reader, [])]
        if not names:
            raise PermanentError(
                f"{self._where}: {path.name} is empty: it has no row of column names.",
                fix="Export it again, or name the columns in `header`.",
            )
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PermanentError(
                f"{self._where}: {path.name} has several columns named {', '.join(map(repr, twice))}.",
                fix="Name the columns in `header`, or export them under different names.",
            )
        return names

    def _rows(self, path: Path, stream: IO[str]) -> Iterator[Row]:
        name = path.name
        reader = self._cells(path, stream)
        columns = self._header(path, reader)
        width = len(columns)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(name, line, fault=f"it is not CSV: {error}")
                continue
            if len(cells) == width:
                row = Row(name, line, dict(zip(columns, cells, strict=True)))
                if _MARK in "".join(cells):
                    row = _undecodable(row, self._option("encoding", "utf-8"))
                yield row
            elif cells:
                yield Row(name, line, fault=f"it has {len(cells)} cells where the header has {width}")

    def _objects(self, path: Path, stream: IO[str]) -> Iterator[Row]:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            if _MARK in line:
                yield _undecodable(Row(path.name, number), self._option("encoding", "utf-8"))
                continue
            try:
                # Fractions stay as they are written: exact, and fit for the quarantine's JSON.
                cells = json.loads(line, parse_float=str)
            except ValueError as error:
                yield Row(path.name, number, fault=f"it is not JSON: {error}")
                continue
            if isinstance(cells, dict):
                yield Row(path.name, number, cells)
            else:
                yield Row(path.name, number, fault="it is JSON but no object")


def _undecodable(row: Row, encoding: str) -> Row:
    names = [name for name, cell in row.cells.items() if _MARK in cell]
    where = f" in column {', '.join(map(repr, names))}" if names else ""
    cells = {name: cell.replace(_MARK, "\ufffd") for name, cell in row.cells.items()}
    return Row(row.file, row.line, cells, fault=f"it has bytes that are no {encoding} text{where}")
