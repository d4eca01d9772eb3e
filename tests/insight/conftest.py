from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from histories import History, empty
from sqlalchemy import text

from crmsync.store import Store


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


@pytest.fixture
def table_rows(store: Store) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a fact table in order, without the refresh that last changed them."""

    def rows(table: str) -> list[dict[str, Any]]:
        with store.read() as connection:
            found = connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
        plain = [{k: v for k, v in row.items() if k != "refresh_id"} for row in found]
        return sorted(plain, key=str)

    return rows


@pytest.fixture
def both_stores(
    tmp_path: Path, sqlite_template: Path, postgres_database: str
) -> Iterator[tuple[Store, Store]]:
    """An empty store of each kind at once."""
    shutil.copy(sqlite_template, tmp_path / "one.db")
    stores = Store(f"sqlite:///{tmp_path}/one.db"), Store(postgres_database)
    empty(stores[1])
    yield stores
    for store in stores:
        store.close()
