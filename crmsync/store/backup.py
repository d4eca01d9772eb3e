"""A consistent copy of a database that is in use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from crmsync.sdk import CrmsyncError, UsageError
from crmsync.store.database import Store

_PAGES = 2000


def backup(store: Store, target: Path) -> int:
    """Copy the database to a new file that only its owner may read, and check the copy. Its size in bytes.

    Raises UsageError when the file exists, or the database is no SQLite file.
    """
    if store.dialect != "sqlite":
        raise UsageError(
            "crmsync copies SQLite databases only.", fix="Use PostgreSQL's own: pg_dump --format=custom."
        )
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise UsageError(f"The file {target} exists.", fix="Name a new file.") from None
    except OSError as error:
        raise UsageError(
            f"The file {target} cannot be written: {error.strerror}.", fix="Name another file."
        ) from None
    try:
        with (
            closing(sqlite3.connect(str(store.url.database))) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, pages=_PAGES)
            verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise CrmsyncError(f"The copy failed: {error}.", fix="Check the space on both disks.") from None
    if verdict != "ok":
        target.unlink(missing_ok=True)
        raise CrmsyncError(
            f"The copy is damaged: {verdict}.", fix="Check the disk; restore an earlier backup."
        )
    return target.stat().st_size
