from __future__ import annotations

import pytest
from memory_platform import Bench

from crmsync.store import Store


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)
