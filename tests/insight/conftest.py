from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from histories import History
from sqlalchemy import text

from crmsync.store import Store


@pytest.fixture
def history(store: Store) -> History:
    return History(store)


@pytest.fixture
def table_rows(store: Store) -> Callable[[str], list[dict[str, Any]]]:
    """The rows of a fact table in order, without the refreshes that last changed them."""

    def rows(table: str) -> list[dict[str, Any]]:
        with store.read() as connection:
            found = connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
        plain = [{k: v for k, v in row.items() if k not in ("refresh_id", "scored_id")} for row in found]
        return sorted(plain, key=str)

    return rows
