"""The migrations make exactly the tables, and know where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import SQLModel

from crmsync.store import Store
from crmsync.store import schema as schema_module
from crmsync.store.schema import HEAD, schema_state, upgrade


def test_the_migrations_make_the_tables_as_they_are_declared(store: Store) -> None:
    from alembic.autogenerate import compare_metadata

    with store.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, SQLModel.metadata) == []


def test_head_is_the_last_migration(store: Store) -> None:
    folder = Path(schema_module.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_an_empty_database_becomes_a_current_one(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/new.db")
    assert schema_state(store) == "empty"
    upgrade(store)
    assert schema_state(store) == "current"
    upgrade(store)
    assert schema_state(store) == "current"
    store.close()


def test_a_database_of_another_version_is_known_as_such(store: Store) -> None:
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        assert schema_state(store) == "other"
    finally:
        with store.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": HEAD})


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    real = Operations.create_table

    def fail_at_order(self: Operations, name: str, *columns: object, **options: object) -> object:
        if name == "order":
            raise OSError("disk full")
        return real(self, name, *columns, **options)

    monkeypatch.setattr(Operations, "create_table", fail_at_order)
    store = Store(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(OSError, match="disk full"):
        upgrade(store)
    assert schema_state(store) == "empty"
    monkeypatch.undo()
    upgrade(store)
    assert schema_state(store) == "current"
    store.close()
