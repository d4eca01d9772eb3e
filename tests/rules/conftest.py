from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from histories import History, empty

from crmsync.store import Store


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


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
