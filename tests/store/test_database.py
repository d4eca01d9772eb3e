from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from crmsync.sdk import ConfigError
from crmsync.store import Store
from crmsync.store.tables import Connection, from_instant, to_instant


def test_a_failed_block_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as connection:
        connection.execute(insert(Connection).values(name="a", connector="demo", scope="a"))
        raise RuntimeError
    with store.read() as connection:
        assert connection.execute(select(Connection.name)).all() == []


def test_times_come_back_aware_and_equal(store: Store) -> None:
    time = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=timezone(timedelta(hours=8)))
    with store.write() as connection:
        connection.execute(insert(Connection).values(name="a", connector="demo", scope="a", checked_at=time))
    with store.read() as connection:
        stored = connection.execute(select(Connection.checked_at)).scalar_one()
    assert stored == time
    assert stored.tzinfo is UTC


def test_instants_are_exact_to_the_microsecond() -> None:
    for micro in (0, 1, 333_333, 999_999):
        time = datetime(2037, 12, 31, 23, 59, 59, micro, tzinfo=UTC)
        assert from_instant(to_instant(time)) == time


def test_sqlite_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/own.db")
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    store.close()
    assert modes
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("not a url", "cannot be read"),
        ("mysql://x/y", "not supported"),
        ("sqlite://", "in memory"),
        ("sqlite:////nowhere/at/all.db", "cannot be opened"),
    ],
)
def test_a_url_that_cannot_be_used_says_what_to_write(url: str, word: str) -> None:
    with pytest.raises(ConfigError, match=word) as raised:
        Store(url)
    assert raised.value.fix


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("these are my notes, not a database, and long enough to be read as a header")
    store = Store(f"sqlite:///{path}")
    with pytest.raises(ConfigError, match="not a usable SQLite database"), store.read():
        pass
    store.close()
