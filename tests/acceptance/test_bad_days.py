"""A platform on its bad days: the run recovers or says why, the other streams finish, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from crmsync_demo.connector import DemoConnector
from sqlalchemy import text

from crmsync.sdk import Limits, RunResult
from crmsync.store import Store
from crmsync.store.schema import upgrade
from crmsync.sync.connection import open_source, sync_connection
from crmsync.testing import FakeClock, Shop

TABLES = {
    "products": "product",
    "customers": "account",
    "orders": '"order"',
    "refunds": "refund",
    "reviews": "review",
    "conversations": "conversation",
}

RECOVERS: list[tuple[str, dict[str, Any]]] = [
    ("429", {"retry_after": "2"}),
    ("429", {"retry_after": "date", "seconds": 3}),
    ("429", {}),
    ("429", {"retry_after": "0"}),
    ("429", {"retry_after": "-5"}),
    ("429", {"retry_after": "soon"}),
    ("500", {}),
    ("500", {"times": 3}),
    ("hang", {"seconds": 3}),
    ("truncated", {}),
    ("wrong_json", {}),
    ("error_in_200", {}),
    ("edited_while_paging", {}),
    ("expired_token", {}),
    ("reset", {}),
    ("slow_drip", {"seconds": 0.0001}),
    ("lost_answer", {}),
]
GIVES_UP: list[tuple[str, dict[str, Any], str]] = [
    ("429", {"times": None}, "429"),
    ("500", {"times": None}, "500"),
    ("hang", {"times": None, "seconds": 3}, "answer"),
    ("truncated", {"times": None}, "complete"),
    ("wrong_json", {"times": None}, "no JSON"),
    ("wrong_shape", {}, "not a list"),
    ("error_in_200", {"times": None}, "busy"),
    ("repeated_page", {"times": None}, "twice"),
    ("redirect_elsewhere", {}, "redirect"),
    ("huge_body", {"megabytes": 40}, "larger than"),
    ("reset", {"times": None}, ""),
]


class Household:
    """A small shop, a store, and the demo connector between them."""

    def __init__(self, shop: Shop, store: Store) -> None:
        self.shop = shop
        self.store = store
        self.clock = FakeClock(shop.now)
        settings = DemoConnector.Settings(
            base_url=shop.url, client_id="demo", client_secret="demo-secret", page_size=50
        )
        limits = Limits(connect=5, read=1, total=20)
        self.source = open_source(store, "demo", DemoConnector, settings, self.clock, limits=limits)

    def sync(self) -> dict[str, RunResult]:
        runs = sync_connection(self.store, self.source, self.clock)
        self.clock.advance(timedelta(minutes=10))
        return {run.stream: run for run in runs}

    def stored(self, stream: str) -> set[str]:
        sql = f"SELECT external_id FROM {TABLES[stream]} WHERE deleted_at IS NULL"
        with self.store.read() as connection:
            return set(connection.execute(text(sql)).scalars())

    def lacks(self) -> dict[str, set[str]]:
        """What the shop has and the store does not, or the other way round."""
        missing = {
            stream: self.stored(stream) ^ {row["id"] for row in self.shop.rows(stream)} for stream in TABLES
        }
        return {stream: ids for stream, ids in missing.items() if ids}


@pytest.fixture
def household(tmp_path: Any) -> Iterator[Household]:
    store = Store(f"sqlite:///{tmp_path}/crmsync.db")
    upgrade(store)
    with Shop(customers=80, seed=5, future_days=30) as shop:
        yield Household(shop, store)
    store.close()


def name(case: Any) -> str | None:
    if isinstance(case, dict):
        return "-".join(f"{k}={v}" for k, v in case.items()) or "plain"
    return None


@pytest.mark.parametrize(("kind", "options"), RECOVERS, ids=name)
def test_a_short_trouble_is_overcome_within_the_run(
    household: Household, kind: str, options: dict[str, Any]
) -> None:
    household.shop.misbehave(kind, path="/orders", skip=1, **options)
    runs = household.sync()
    assert {stream: run.status for stream, run in runs.items()} == dict.fromkeys(TABLES, "ok")
    assert household.lacks() == {}


@pytest.mark.parametrize(("kind", "options", "words"), GIVES_UP, ids=name)
def test_a_lasting_trouble_ends_its_stream_alone_and_loses_nothing(
    household: Household, kind: str, options: dict[str, Any], words: str
) -> None:
    household.shop.misbehave(kind, path="/orders", skip=2, **options)
    runs = household.sync()
    assert runs["orders"].status == "partial"
    assert words in runs["orders"].reason
    assert {runs[stream].status for stream in TABLES if stream != "orders"} == {"ok"}
    assert household.lacks().keys() == {"orders"}
    household.shop.behave()
    household.clock.advance(timedelta(days=2))
    assert {run.status for run in household.sync().values()} == {"ok"}
    assert household.lacks() == {}


def test_a_long_pause_holds_the_connection_and_says_until_when(household: Household) -> None:
    household.shop.misbehave("429", path="/orders", skip=2, retry_after="36000")
    runs = household.sync()
    assert runs["orders"].status == "partial"
    assert "asks for a pause until 2026-06-01 14:00:00 UTC" in runs["orders"].reason
    assert "no call before 2026-06-01 14:00:00 UTC" in runs["reviews"].reason
    asked = len(household.shop.requests)
    household.sync()
    assert len(household.shop.requests) == asked
    household.clock.advance(timedelta(hours=10))
    household.sync()
    assert household.lacks() == {}


def test_revoked_access_says_what_to_do_and_everything_comes_when_it_is_back(household: Household) -> None:
    household.shop.misbehave("revoked", times=None)
    runs = household.sync()
    assert {run.status for run in runs.values()} == {"failed"}
    assert all("401" in run.reason for run in runs.values())
    household.shop.behave()
    household.sync()
    assert household.lacks() == {}


def test_one_malformed_record_is_put_aside_and_comes_whole_with_the_next_run(household: Household) -> None:
    household.shop.misbehave("malformed_record", path="/orders", skip=1)
    runs = household.sync()
    assert (runs["orders"].status, runs["orders"].rejected) == ("ok", 1)
    assert len(household.lacks()["orders"]) == 1
    household.sync()
    assert household.lacks() == {}


def test_after_all_of_it_a_quiet_run_writes_nothing(household: Household) -> None:
    for kind, options in RECOVERS[:6]:
        household.shop.misbehave(kind, path="/orders", **options)
    household.sync()
    household.sync()
    assert sum(run.inserted + run.updated for run in household.sync().values()) == 0
