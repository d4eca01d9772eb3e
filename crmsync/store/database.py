"""Opening a database: SQLite by file, PostgreSQL by URL, each set up to lose nothing."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DisconnectionError, NoSuchModuleError

from crmsync.sdk.errors import ConfigError
from crmsync.store.audit import ENTRIES, Entry, append
from crmsync.store.tables.sealed import DIALECT_KEY
from crmsync.store.vault import Vault

BUSY_TIMEOUT_MS = 30_000

STAGED = "crmsync_staged"
"""Key of a pooled connection's note of which temporary tables it has."""

TURN = "crmsync_turn"
"""Key of a pooled connection's count of the transactions that wrote there."""

_RESTING = "crmsync_resting"
"""Key of a pooled connection's note of since when it rests."""
_MOMENT_S = 1.0


# Any number, as long as every version of crmsync uses the same one.
_WRITERS = 0x63726D77
_ALONE = f"SELECT pg_advisory_xact_lock({_WRITERS})"
_AMONG_OTHERS = f"SELECT pg_advisory_xact_lock_shared({_WRITERS})"

_NEVER_ANALYZED = """
    SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relkind = 'r' AND nspname = current_schema() AND reltuples <= 0
    AND pg_relation_size(pg_class.oid) > 32 * 8192
"""


class Store:
    """A database with the crmsync tables. `read` and `write` are the only ways in.

    `vault` is what contact data are sealed with: `crmsync.store.encryption.unlock` gives it keys.
    Raises ConfigError when the URL is neither SQLite nor PostgreSQL or cannot be opened.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self.url = self.engine.url
        self.vault = Vault()

    @property
    def vault(self) -> Vault:
        found: Vault = getattr(self.engine.dialect, DIALECT_KEY)
        return found

    @vault.setter
    def vault(self, vault: Vault) -> None:
        # The columns' types ask it there.
        setattr(self.engine.dialect, DIALECT_KEY, vault)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; what it sees is one moment's data."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, alone: bool = False, lock: int | None = None) -> Iterator[Connection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        One that must be `alone` waits until nobody else writes, and the next writers wait for its end: what
        others have read stays true while they write, and it meets no lock of theirs half-way. Those with the
        same `lock` write one after the other.
        """
        entries: list[Entry] = []
        options = {"crmsync_write": True, ENTRIES: entries}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            connection.info[TURN] = connection.info.get(TURN, 0) + 1
            # An SQLite transaction that writes is alone anyway.
            if self.dialect == "postgresql":
                held = "" if lock is None else f", pg_advisory_xact_lock({lock:d})"
                connection.exec_driver_sql((_ALONE if alone else _AMONG_OTHERS) + held)
            yield connection
            if entries:
                append(connection, entries)

    def analyze_new(self) -> None:
        """Have PostgreSQL count the tables that have grown since it saw them empty.

        Its own housekeeping comes about a minute late, and until then it plans for a handful of rows.
        SQLite plans by the indexes alone.
        """
        if self.dialect != "postgresql":
            return
        with self.write() as connection:
            grown = connection.execute(text(_NEVER_ANALYZED)).scalars().all()
            if grown:
                analyze(connection, grown)

    def close(self) -> None:
        self.engine.dispose()


def analyze(connection: Connection, tables: Iterable[str]) -> None:
    """Have PostgreSQL count these tables now: it plans a statement on a new one for a handful of rows.

    SQLite plans by the indexes alone.
    """
    if connection.dialect.name == "postgresql":
        # A tenth of the usual sample: how many rows there are is what matters, and soon.
        names = ", ".join(f'"{table}"' for table in tables)
        connection.exec_driver_sql(f"SET LOCAL default_statistics_target = 10; ANALYZE {names}")


def plan_for(connection: Connection, *, few: bool = False) -> None:
    """Have PostgreSQL plan the transaction's statements for whole tables, or for `few` rows of them.

    It would compile the larger statements, which takes longer than running them. And it takes a page read
    out of order for four read in a row, and so reads a whole table for a few hundred rows of it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "SET LOCAL jit = off" + ("; SET LOCAL random_page_cost = 1.1" if few else "")
        )


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "The database URL cannot be read.",
            fix="Write sqlite:///crmsync.db or postgresql://user@host/name.",
        ) from None
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed)
    raise ConfigError(
        f"{parsed.get_backend_name()} databases are not supported.",
        fix="Use sqlite:///FILE or postgresql://….",
    )


def _postgresql(url: Any) -> Engine:
    try:
        engine = create_engine(
            url,
            hide_parameters=True,
            pool_use_lifo=True,
            connect_args={"application_name": "crmsync"},
        )
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigError(
            "PostgreSQL needs the psycopg driver.", fix="Install it: pip install 'crmsync[postgres]'."
        ) from None

    @event.listens_for(engine, "checkin")
    def _rests(_: Any, record: Any) -> None:
        record.info[_RESTING] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _still_there(connection: Any, record: Any, _: Any) -> None:
        # To ask costs a round trip: one that was at work a moment ago need not prove that it still is.
        if time.monotonic() - record.info.get(_RESTING, -inf) < _MOMENT_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:  # type: ignore[attr-defined]
            raise DisconnectionError from None

    @event.listens_for(engine, "rollback")
    def _forget(connection: Connection) -> None:
        # A rollback takes the temporary tables it created with it.
        connection.info.pop(STAGED, None)

    return engine


def _sqlite(url: Any) -> Engine:
    path = url.database
    if not path or path == ":memory:":
        raise ConfigError(
            "An SQLite database in memory is gone when the process ends.",
            fix="Name a file: sqlite:///crmsync.db.",
        )
    try:
        # SQLite gives its -wal and -shm files the mode of the database file.
        os.close(os.open(Path(path), os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigError(
            f"The database file {path} cannot be opened: {error.strerror}.",
            fix="Create its folder, or name another file under `database`.",
        ) from None
    engine = create_engine(
        url,
        hide_parameters=True,
        # Who comes back soon gets the connection they had, whose cache is warm.
        pool_use_lifo=True,
        connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        # The driver's own transaction handling would begin too late for BEGIN IMMEDIATE.
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",
                # A larger log copies pages that change often once instead of every few commits.
                "wal_autocheckpoint=8000",
                "cache_size=-16384",
                "temp_store=MEMORY",
            ):
                cursor.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            raise ConfigError(
                f"{path} is not a usable SQLite database: {error}.",
                fix="Name another file under `database`, or restore a backup.",
            ) from None
        finally:
            cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer that starts as a reader can fail half-way; taking the lock at once cannot.
        immediate = connection.get_execution_options().get("crmsync_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
