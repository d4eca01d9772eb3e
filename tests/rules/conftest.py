from __future__ import annotations

import pytest
from histories import History

from crmsync.store import Store


@pytest.fixture
def history(store: Store) -> History:
    return History(store)
