"""Real databases for every test that stores: SQLite always, PostgreSQL where there is a server."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from emptying import empty
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from crmsync.store import Store
from crmsync.store.schema import upgrade

POSTGRES = os.environ.get("CRMSYNC_TEST_POSTGRES", "postgresql://127.0.0.1/test")
SHARED = Path(os.environ.get("CRMSYNC_SHARED", Path(__file__).parent.parent.parent / "shared"))


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    """A command sets up the logs of its process, which here is that of the next test too."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real data beside the project."""
    if not SHARED.is_dir():
        pytest.skip("the real data are not here: set CRMSYNC_SHARED to their folder")
    return SHARED


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "empty.db"
    store = Store(f"sqlite:///{path}")
    upgrade(store)
    store.close()
    return path


@pytest.fixture(scope="session")
def postgres_database(worker_id: str) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database of this test worker's own."""
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    name = f"crmsync_test_{os.getpid()}_{worker_id}"
    server = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with server.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
            connection.execute(text(f'CREATE DATABASE "{name}"'))
            # These tests kill clients, never the server: no need to wait for its disk.
            connection.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off'))
    except OperationalError:
        pytest.skip("no PostgreSQL server: set CRMSYNC_TEST_POSTGRES to the URL of one")
    own = url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    store = Store(own)
    upgrade(store)
    store.close()
    yield own
    with server.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
    server.dispose()


def _empty(store: Store) -> None:
    empty(store)
    with store.write() as connection:
        connection.execute(
            text(
                "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false) "
                "FROM pg_sequences"
            )
        )


@pytest.fixture
def postgres_store(postgres_database: str) -> Iterator[Store]:
    """An empty, migrated store on PostgreSQL."""
    store = Store(postgres_database)
    _empty(store)
    yield store
    store.close()


@pytest.fixture
def both_stores(
    tmp_path: Path, sqlite_template: Path, postgres_store: Store
) -> Iterator[tuple[Store, Store]]:
    """An empty store of each kind at once."""
    shutil.copy(sqlite_template, tmp_path / "one.db")
    sqlite = Store(f"sqlite:///{tmp_path}/one.db")
    yield sqlite, postgres_store
    sqlite.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty, migrated database of each kind."""
    if request.param == "sqlite":
        path = tmp_path / "crmsync.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    url: str = request.getfixturevalue("postgres_database")
    store = Store(url)
    _empty(store)
    store.close()
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty, migrated store of each kind."""
    store = Store(database_url)
    yield store
    store.close()
