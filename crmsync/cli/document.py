"""What is exported about a person, as files that only their owner may read."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """One JSON document in a new file. Raises UsageError when it exists or cannot be written."""
    _write(path, json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n")


def write_tables(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """A zip of one CSV file for each table that has rows. Raises UsageError as `write_json` does."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, rows in tables.items():
            if rows:
                archive.writestr(f"{name}.csv", _csv(rows))
    _write(path, packed.getvalue())


def _csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    text = io.StringIO()
    columns = list(dict.fromkeys(column for row in rows for column in row))
    table = csv.writer(text)
    table.writerow(columns)
    table.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    # Spreadsheets take a file without the mark for the encoding of their country.
    return text.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        # A spreadsheet would read it as a formula, and somebody else wrote it.
        return f"'{value}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _write(path: Path, content: bytes) -> None:
    from crmsync.sdk import UsageError

    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise UsageError(f"The file {path} exists.", fix="Name a new file.") from None
    except OSError as error:
        raise UsageError(
            f"The file {path} cannot be written: {error.strerror}.", fix="Name another file."
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
