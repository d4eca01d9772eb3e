from __future__ import annotations

import pytest
from care_shop import Shop

from crmsync.store import Store
from crmsync.store.vault import Vault


@pytest.fixture
def shop(store: Store) -> Shop:
    """A shop in an empty store of each kind; that of PostgreSQL is encrypted, so that both ways are tried."""
    if store.dialect == "postgresql":
        store.vault = Vault(["k" * 32])
    return Shop(store)
