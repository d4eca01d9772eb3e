"""The lock of the database: one crmsync process at work, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from crmsync.sdk import Locked
from crmsync.store.database import Store

# Any number, as long as every version of crmsync uses the same one.
_ADVISORY_KEY = 0x63726D73796E63


@contextmanager
def instance_lock(store: Store) -> Iterator[None]:
    """Hold the database for this process: an OS file lock beside an SQLite file, a session-level
    advisory lock on PostgreSQL.

    Raises Locked, naming the other process where it is known.
    """
    with _file_lock(store) if store.dialect == "sqlite" else _advisory_lock(store):
        yield


@contextmanager
def _file_lock(store: Store) -> Iterator[None]:
    path = Path(f"{store.url.database}.lock")
    handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 20).decode(errors="replace").strip() or "unknown"
            raise _locked(f"process {holder}") from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


@contextmanager
def _advisory_lock(store: Store) -> Iterator[None]:
    # A connection of its own: the lock belongs to the session, and a pooled one may be handed on.
    connection = store.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        connection.detach()
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_KEY}).scalar():
            raise _locked("another process")
        yield
    finally:
        connection.close()


def _locked(holder: str) -> Locked:
    return Locked(
        f"The database is in use by {holder}.",
        fix="Stop the running `crmsync run`, or let it do this work on its schedule.",
    )
