from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from household import Household

from crmsync.daemon.logs import configure_logs
from crmsync.testing import FakeClock, Shop


@pytest.fixture(params=["{}", '{key: "${file:key}"}'], ids=["plain", "encrypted"])
def household(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> Iterator[Household]:
    with Shop(seed=3, customers=12, history_days=60) as shop:
        (tmp_path / "secret").write_text(shop.credentials.client_secret)
        (tmp_path / "key").write_text("k" * 32)
        log = tmp_path / "everything.log"
        with log.open("w") as stream:
            configure_logs(stream=stream, level=logging.DEBUG, console=False)
            clock = FakeClock(shop.now + timedelta(hours=1))
            household = Household(shop, tmp_path / "crmsync.yaml", log, database_url, clock, request.param)
            yield household
            household.close()
