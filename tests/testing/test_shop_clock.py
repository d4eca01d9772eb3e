from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crmsync.testing.history import write
from crmsync.testing.ledger import STREAMS
from crmsync.testing.shop import Shop

SIZE = {"seed": 3, "customers": 60, "history_days": 150, "future_days": 90}


def test_same_seed_same_shop(shop: Shop) -> None:
    write.cache_clear()
    twin = Shop(**SIZE)
    assert [twin.rows(stream) for stream in STREAMS] == [shop.rows(stream) for stream in STREAMS]
    assert twin.truth() == shop.truth()
    twin.stop()


def test_two_weeks_are_one_fortnight(shop: Shop) -> None:
    twin = Shop(**SIZE)
    twin.advance(timedelta(days=14))
    shop.advance(timedelta(days=7))
    shop.advance(timedelta(days=7))
    assert [twin.rows(stream) for stream in STREAMS] == [shop.rows(stream) for stream in STREAMS]
    assert twin.truth() == shop.truth()
    twin.stop()


def test_nothing_is_dated_after_the_shops_time(shop: Shop) -> None:
    for _ in range(4):
        for stream in STREAMS:
            assert all(datetime.fromisoformat(row["updated_at"]) <= shop.now for row in shop.rows(stream))
        shop.advance(timedelta(days=9))


def test_orders_move_on_as_time_goes_by(shop: Shop) -> None:
    before = {row["id"]: row for row in shop.rows("orders")}
    shop.advance(timedelta(days=10))
    after = {row["id"]: row for row in shop.rows("orders")}
    moved = [id for id, row in before.items() if after[id]["status"] != row["status"]]
    assert moved
    assert all(after[id]["updated_at"] > before[id]["updated_at"] for id in moved)
    assert len(after) > len(before)


def test_advancing_stops_where_the_future_ends(shop: Shop) -> None:
    with pytest.raises(ValueError, match="up to 90 days"):
        shop.advance(timedelta(days=91))
    with pytest.raises(ValueError, match="up to"):
        shop.advance(timedelta(days=-1))


def test_a_shop_can_end_its_history_at_any_aware_time() -> None:
    now = datetime(2026, 11, 21, 8, 30, tzinfo=UTC)
    shop = Shop(customers=10, history_days=60, future_days=10, now=now)
    assert shop.now == now
    assert max(row["updated_at"] for row in shop.rows("orders")) > "2026-10"
    shop.stop()
    with pytest.raises(ValueError, match="aware"):
        Shop(now=datetime(2026, 1, 1))


def test_those_who_left_never_buy_again(shop: Shop) -> None:
    left = set(shop.truth()["churned"])
    known = {row["id"] for row in shop.rows("orders")}
    shop.advance(timedelta(days=60))
    bought = {row["buyer_id"] for row in shop.rows("orders") if row["id"] not in known and row["paid_at"]}
    assert left
    assert bought
    assert not left & bought


def test_who_buys_within_days_does(shop: Shop) -> None:
    foretold = set(shop.truth()["buys_within"]["30"])
    registered = {row["id"] for row in shop.rows("customers")}
    then = shop.now.isoformat()
    shop.advance(timedelta(days=30))
    bought = {
        row["buyer_id"]
        for row in shop.rows("orders")
        if row["created_at"] > then and row["status"] not in ("CLOSED",)
    }
    assert foretold == bought & registered


def test_truth_is_told_only_as_far_as_it_is_known(shop: Shop) -> None:
    assert shop.truth()["buys_within"].keys() == {"30", "60", "90"}


def test_late_orders_are_past_their_promise(shop: Shop) -> None:
    orders = {row["id"]: row for row in shop.rows("orders")}
    late = shop.truth()["late_orders"]
    assert late
    now = shop.now.isoformat()
    for id in late:
        promised, signed = orders[id]["promised_at"], orders[id]["signed_at"]
        assert promised < now
        assert signed is None or signed > promised


def test_top_spenders_are_the_fifth_that_paid_most(shop: Shop) -> None:
    spent: dict[str, int] = {}
    for row in shop.rows("orders"):
        if row["status"] not in ("WAIT_PAY", "CLOSED"):
            spent[row["buyer_id"]] = spent.get(row["buyer_id"], 0) + int(row["payable"].replace(".", ""))
    top = shop.truth()["top_spenders"]
    assert len(top) == -(-len(spent) // 5)
    assert min(spent[id] for id in top) >= max(spent[id] for id in spent.keys() - set(top))
