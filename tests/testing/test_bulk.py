from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from crmsync.testing.bulk import BulkShop
from crmsync.testing.shop import Shop


@pytest.fixture
def bulk() -> Iterator[BulkShop]:
    with BulkShop(orders=1000, reviews=400) as bulk:
        yield bulk


def walk(bulk: BulkShop, path: str, **query: str) -> list[dict[str, Any]]:
    rows, params = [], {"limit": "250", **query}
    while True:
        body = requests.get(f"{bulk.url}/{path}", params=params, timeout=5).json()
        rows += body["data"]
        if body["next_cursor"] is None:
            assert body["total"] == len(rows)
            return rows
        params = {"limit": "250", "cursor": body["next_cursor"]}


def test_everything_is_listed_once_and_in_order(bulk: BulkShop) -> None:
    for path, count in (("orders", 1000), ("reviews", 400), ("customers", 0)):
        rows = walk(bulk, path)
        assert len({row["id"] for row in rows}) == count
        assert [row["updated_at"] for row in rows] == sorted(row["updated_at"] for row in rows)


def test_rows_have_the_fields_of_the_shops_own(bulk: BulkShop, shop: Shop) -> None:
    for stream in ("orders", "reviews"):
        mine, its = walk(bulk, stream)[0], shop.rows(stream)[0]
        assert mine.keys() == its.keys()
    assert len(mine := walk(bulk, "orders")[0]["lines"]) == 3
    assert mine[0].keys() == shop.rows("orders")[0]["lines"][0].keys()


def test_orders_add_up(bulk: BulkShop) -> None:
    for row in walk(bulk, "orders"):
        paid = sum(int(line["paid"].replace(".", "")) for line in row["lines"])
        assert paid + 800 == int(row["payable"].replace(".", ""))


def test_one_percent_changes_and_comes_last(bulk: BulkShop) -> None:
    before = {row["id"]: row for row in walk(bulk, "orders")}
    last = max(row["updated_at"] for row in before.values())
    assert bulk.change(0.01) == {"orders": 10, "reviews": 4}
    after = walk(bulk, "orders")
    assert after[-10:] == [row for row in after if row != before[row["id"]]]
    since = walk(bulk, "orders", updated_since=last)
    assert since == after[-11:]
    assert [row["created_at"] for row in after[-10:]] == [
        before[row["id"]]["created_at"] for row in after[-10:]
    ]


def test_two_shops_of_one_size_are_the_same(bulk: BulkShop) -> None:
    with BulkShop(orders=1000, reviews=400) as twin:
        twin.change(0.1)
        bulk.change(0.1)
        assert walk(twin, "orders") == walk(bulk, "orders")


@pytest.mark.parametrize("query", [{"limit": "900"}, {"cursor": "x"}, {"updated_since": "soon"}])
def test_a_query_that_makes_no_sense_is_refused(bulk: BulkShop, query: dict[str, str]) -> None:
    assert requests.get(f"{bulk.url}/orders", params=query, timeout=5).status_code == 400
