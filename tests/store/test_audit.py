"""The chain of the audit: what breaks it, and that nothing else does."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from crmsync.store import Store
from crmsync.store import audit as audit_module
from crmsync.store.audit import audit, list_audit, verify_audit

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
ENTRIES = 7


def entries(store: Store, count: int = ENTRIES, actor: str = "ann") -> str:
    """Append so many, two to a transaction; the head then."""
    for first in range(0, count, 2):
        with store.write() as transaction:
            for number in range(first, min(first + 2, count)):
                audit(transaction, NOW, actor, "approve", f"message {number}", "看过了")
    state = verify_audit(store)
    assert state.whole
    return state.head


def forge(store: Store, *statements: str, **values: object) -> None:
    """What somebody does who owns the table."""
    postgresql = store.dialect == "postgresql"
    off = (
        ["ALTER TABLE audit DISABLE TRIGGER audit_append_only"]
        if postgresql
        else ["DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"]
    )
    on = ["ALTER TABLE audit ENABLE TRIGGER audit_append_only"] if postgresql else []
    with store.write() as transaction:
        for statement in (*off, *statements, *on):
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            transaction.execute(text(statement), names)


def test_entries_are_listed_latest_first(store: Store) -> None:
    entries(store, 3)
    entries(store, 1, actor="bo")
    assert [entry.id for entry in list_audit(store)] == [4, 3, 2, 1]
    assert [entry.id for entry in list_audit(store, limit=1)] == [4]
    assert [entry.id for entry in list_audit(store, actor="bo")] == [4]
    assert [entry.id for entry in list_audit(store, object="message 2")] == [3]
    assert list_audit(store, action="cancel") == []
    assert len(list_audit(store, since=NOW)) == 4
    assert list_audit(store, since=datetime(2026, 5, 2, tzinfo=UTC)) == []


def test_an_empty_audit_is_whole(store: Store) -> None:
    state = verify_audit(store)
    assert (state.whole, state.entries, state.head) == (True, 0, "")


def test_what_is_rolled_back_leaves_no_entry(store: Store) -> None:
    entries(store, 2)
    with pytest.raises(OSError, match="no"), store.write() as transaction:
        audit(transaction, NOW, "ann", "cancel", "message 1")
        raise OSError("no")
    with store.write() as transaction:
        transaction.execute(text("SELECT 1"))
    assert verify_audit(store).entries == 2


def test_a_transaction_for_reading_takes_no_entry(store: Store) -> None:
    with store.read() as transaction, pytest.raises(KeyError):
        audit(transaction, NOW, "ann", "cancel", "message 1")


_AGAIN = (
    "INSERT INTO audit (id, at, actor, action, object, detail, seal) "
    "SELECT {to}, at, actor, action, object, detail, seal FROM audit WHERE id = {of}"
)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit SET id = 400 WHERE id = 4", 5),
        ("UPDATE audit SET at = at + 1 WHERE id = 4", 4),
        ("UPDATE audit SET actor = 'anm' WHERE id = 4", 4),
        ("UPDATE audit SET action = 'approvf' WHERE id = 4", 4),
        ("UPDATE audit SET object = 'message 9' WHERE id = 4", 4),
        ("UPDATE audit SET detail = '' WHERE id = 4", 4),
        ("UPDATE audit SET seal = REPLACE(seal, SUBSTR(seal, 1, 1), 'x') WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 4", 5),
        ("DELETE FROM audit WHERE id = 1", 2),
        (_AGAIN.format(of=1, to=0), 0),
        (_AGAIN.format(of=7, to=8), 8),
    ],
)
def test_the_first_entry_that_does_not_follow_is_named(store: Store, change: str, broken_at: int) -> None:
    entries(store)
    forge(store, change)
    state = verify_audit(store)
    assert (state.whole, state.broken_at) == (False, broken_at)
    assert f"Entry {broken_at} " in str(state.why)


def test_two_entries_that_changed_places(store: Store) -> None:
    entries(store)
    forge(
        store,
        "UPDATE audit SET id = 100 WHERE id = 3",
        "UPDATE audit SET id = 3 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 100",
    )
    assert verify_audit(store).broken_at == 3


def test_the_end_is_missed_only_by_who_noted_it(store: Store) -> None:
    head = entries(store)
    forge(store, "DELETE FROM audit WHERE id > 5")
    assert verify_audit(store).whole
    assert not verify_audit(store, head).whole
    assert head in str(verify_audit(store, head).why)


def test_a_noted_head_is_known_while_the_chain_grows(store: Store) -> None:
    head = entries(store)
    assert verify_audit(store, head).whole
    entries(store)
    assert verify_audit(store, head[:12]).whole
    assert not verify_audit(store, "0" * 64).whole


def test_a_long_chain_is_looked_at_piece_by_piece(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "_AT_ONCE", 3)
    entries(store)
    assert verify_audit(store).entries == ENTRIES
    forge(store, "UPDATE audit SET actor = 'bo' WHERE id = 7")
    assert verify_audit(store).broken_at == 7


@pytest.mark.parametrize("column", ["at", "actor", "action", "object", "detail", "seal"])
def test_bytes_that_are_no_text(tmp_path: Path, sqlite_template: Path, column: str) -> None:
    shutil.copy(sqlite_template, tmp_path / "one.db")
    store = Store(f"sqlite:///{tmp_path}/one.db")
    entries(store)
    forge(store, f"UPDATE audit SET {column} = CAST(x'61ff' AS TEXT) WHERE id = 4")
    state = verify_audit(store)
    store.close()
    assert (state.broken_at, state.entries) == (4, 3)


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'bo'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_it(store: Store, change: str) -> None:
    head = entries(store)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as transaction:
        transaction.execute(text(change))
    assert verify_audit(store).head == head


@pytest.mark.postgres
def test_postgresql_refuses_to_empty_it(postgres_store: Store) -> None:
    entries(postgres_store, 1)
    with pytest.raises(DatabaseError, match="append-only"), postgres_store.write() as transaction:
        transaction.execute(text("TRUNCATE audit"))


def test_writers_at_once_never_fork_the_chain(store: Store, database_url: str) -> None:
    stores = [Store(database_url) for _ in range(4)]
    started = threading.Barrier(len(stores))
    faults: list[BaseException] = []

    def work(own: Store, actor: str) -> None:
        try:
            started.wait()
            for number in range(15):
                with own.write() as transaction:
                    audit(transaction, NOW, actor, "approve", f"message {number}")
                    audit(transaction, NOW, actor, "cancel", f"message {number}")
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(own, f"w{n}")) for n, own in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for own in stores:
        own.close()
    assert not faults
    state = verify_audit(store)
    assert (state.whole, state.entries) == (True, 120)


@pytest.fixture
def earlier(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A database whose audit has no chain yet, with two entries."""
    store = Store(database_url)
    with store.write() as transaction:
        if store.dialect == "postgresql":
            transaction.execute(text("DROP TRIGGER audit_append_only ON audit"))
            transaction.execute(text("DROP FUNCTION audit_is_append_only"))
        else:
            transaction.execute(text("DROP TRIGGER audit_no_update"))
            transaction.execute(text("DROP TRIGGER audit_no_delete"))
        transaction.execute(text("ALTER TABLE audit DROP COLUMN seal"))
        for id in (2, 5):
            transaction.execute(
                text(
                    "INSERT INTO audit (id, at, actor, action, object, detail) "
                    "VALUES (:id, :at, 'ann', 'approve', 'message 1', '好')"
                ),
                {"id": id, "at": 1_700_000_000_000_000 + id},
            )
    yield store
    store.close()


def test_entries_from_before_are_chained(earlier: Store) -> None:
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.script import ScriptDirectory

    from crmsync.store import schema

    scripts = ScriptDirectory(str(Path(schema.__file__).parent / "migrations"))
    revision = next(script for script in scripts.walk_revisions() if "chain" in script.path)
    with earlier.write() as transaction, Operations.context(MigrationContext.configure(transaction)):
        revision.module.upgrade()
    assert any(column["name"] == "seal" for column in inspect(earlier.engine).get_columns("audit"))
    with earlier.write() as transaction:
        audit(transaction, NOW, "bo", "cancel", "message 2")
    state = verify_audit(earlier)
    assert (state.whole, state.entries) == (True, 3)
    with pytest.raises(DatabaseError, match="append-only"), earlier.write() as transaction:
        transaction.execute(text("DELETE FROM audit"))
    forge(earlier, "UPDATE audit SET detail = '坏' WHERE id = 2")
    assert verify_audit(earlier).broken_at == 2
