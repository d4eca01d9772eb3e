"""What was deleted goes out of the database's files too."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from sqlalchemy import text

from crmsync.sdk import CrmsyncError
from crmsync.store.database import Store

PATIENCE = 15.0
"""Seconds to wait for whoever reads or writes an SQLite file now."""


def clean_after_change(store: Store) -> None:
    """Have what rows held before they were changed go, while others are at work.

    SQLite: in the file it is overwritten at once, and the log beside it is emptied unless somebody reads it
    now. PostgreSQL: as `clean_files`.
    """
    if store.dialect == "postgresql":
        clean_files(store)
        return
    # Not in a transaction, which every other way to the database begins.
    with closing(store.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def clean_files(store: Store) -> bool:
    """Write the database anew without what was deleted. Whether that was possible: an SQLite file that
    somebody else is at work on stays as it is, and is tried again later.

    SQLite: the file is rebuilt and the log beside it emptied; that needs as much free space as the database
    has. PostgreSQL: dead rows are freed, and the planner's statistics, which quote values, are made anew; the
    bytes go when the server uses the space again.

    Raises CrmsyncError when the disk is full or the file damaged.
    """
    if store.dialect == "postgresql":
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))
            connection.execute(text("VACUUM"))
        return True
    try:
        with closing(
            sqlite3.connect(str(store.url.database), timeout=PATIENCE, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA secure_delete=ON")
            # The copy it makes on the way is of what is left, and may be larger than memory.
            connection.execute("PRAGMA temp_store=FILE")
            connection.execute("VACUUM")
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return False
        raise CrmsyncError(
            f"The database file cannot be written anew: {error}.",
            fix="Make as much space free as the database has, then run: crmsync db clean.",
        ) from None
