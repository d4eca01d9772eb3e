from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from crmsync.testing.almanac import DAY
from crmsync.testing.history import History, write
from crmsync.testing.population import Process

Rows = dict[str, dict[str, dict[str, Any]]]


@pytest.fixture(scope="module")
def rows(history: History) -> Rows:
    """Every record as it stands in the end, by stream and id."""
    final: Rows = defaultdict(lambda: defaultdict(dict))
    for change in history.changes:
        final[change.stream][change.id].update(change.fields)
    return final


def share(found: list[bool]) -> float:
    return sum(found) / len(found)


def test_same_seed_same_history() -> None:
    size = (50, 0, 100 * DAY, 150 * DAY, Process())
    first = write(9, *size)
    write.cache_clear()
    assert write(9, *size).changes == first.changes


def test_another_seed_another_history() -> None:
    size = (50, 0, 100 * DAY, 150 * DAY, Process())
    assert write(9, *size).changes != write(10, *size).changes


def test_changes_are_in_order_of_time(history: History) -> None:
    times = [change.at for change in history.changes]
    assert times == sorted(times)


def test_records_refer_to_records_that_exist(rows: Rows) -> None:
    for stream in ("refunds", "reviews"):
        for row in rows[stream].values():
            assert row["order_id"] in rows["orders"]
            assert row["product_id"] in rows["products"]
    for stream in ("orders", "refunds", "reviews", "conversations"):
        assert {row["buyer_id"] for row in rows[stream].values()} <= rows["customers"].keys()


def test_orders_add_up(rows: Rows) -> None:
    for row in rows["orders"].values():
        cents = [int(line["paid"].replace(".", "")) for line in row["lines"]]
        assert sum(cents) + int(row["shipping"].replace(".", "")) == int(row["payable"].replace(".", ""))
        full = sum(int(line["unit_price"].replace(".", "")) * line["qty"] for line in row["lines"])
        assert full - sum(cents) == int(row["discount"].replace(".", ""))


def test_orders_go_forward(rows: Rows) -> None:
    for row in rows["orders"].values():
        steps = [row[f] for f in ("created_at", "paid_at", "sent_at", "signed_at", "finished_at") if row[f]]
        times = [datetime.fromisoformat(step) for step in steps]
        assert times == sorted(times)


def test_reviews_of_faulty_products_are_worse(history: History, rows: Rows) -> None:
    faulty = {product.id for product in history.products if product.faulty}
    late = {purchase.id for purchase in history.purchases if purchase.late}
    in_time = [row for row in rows["reviews"].values() if row["order_id"] not in late]
    bad = {
        is_faulty: share([row["stars"] < 3 for row in in_time if (row["product_id"] in faulty) is is_faulty])
        for is_faulty in (True, False)
    }
    assert len(faulty) == 3
    assert bad[True] == pytest.approx(0.35, abs=0.06)
    assert bad[False] == pytest.approx(0.04, abs=0.015)


def test_late_orders_are_reviewed_as_badly_as_real_ones(history: History, rows: Rows) -> None:
    late = {purchase.id: purchase.late for purchase in history.purchases}
    bad: dict[bool, list[bool]] = defaultdict(list)
    for row in rows["reviews"].values():
        bad[late[row["order_id"]]].append(row["stars"] < 3)
    assert share(list(late.values())) == pytest.approx(0.08, abs=0.01)
    assert share(bad[True]) == pytest.approx(0.57, abs=0.06)
    assert share(bad[False]) == pytest.approx(0.096, abs=0.02)


def test_faulty_products_come_back_more_often(history: History, rows: Rows) -> None:
    returned = {row["line_id"] for row in rows["refunds"].values()}
    lines = [line for purchase in history.purchases for line in purchase.lines]
    back = {
        is_faulty: share([line.id in returned for line in lines if line.product.faulty is is_faulty])
        for is_faulty in (True, False)
    }
    assert back[True] > 5 * back[False]


def test_slow_agent_is_slower_and_wins_fewer(history: History, rows: Rows) -> None:
    waits: dict[bool, list[float]] = defaultdict(list)
    won: dict[bool, list[bool]] = defaultdict(list)
    for row in rows["conversations"].values():
        slow = row["agent"]["id"] == history.slow_agent
        start, reply = (datetime.fromisoformat(row[f]) for f in ("started_at", "first_reply_at"))
        waits[slow].append((reply - start).total_seconds())
        if row["topic"] == "PRESALE":
            won[slow].append(row["result"] == "ORDERED")
    assert min(waits[True]) > max(waits[False])
    assert share(won[True]) < 0.5 * share(won[False])


def test_reviews_are_in_chinese_and_english(rows: Rows) -> None:
    said: dict[str, str] = defaultdict(str)
    for row in rows["reviews"].values():
        said[row["lang"]] += row["content"]
    assert said.keys() == {"zh-CN", "en"}
    assert said["en"].isascii()
    assert "质量" in said["zh-CN"]


def test_many_records_change_in_one_second(history: History) -> None:
    together: dict[int, set[str]] = defaultdict(set)
    for change in history.changes:
        if change.stream == "orders":
            together[change.at].add(change.id)
    assert sum(len(ids) > 5 for ids in together.values()) > 100
