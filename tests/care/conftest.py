from __future__ import annotations

import pytest
from care_shop import Shop

from crmsync.store import Store


@pytest.fixture
def shop(store: Store) -> Shop:
    """A shop in an empty store of each kind."""
    return Shop(store)
