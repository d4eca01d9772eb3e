from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from histories import START, History, day, random_history
from sqlalchemy import text

from crmsync.insight import Windows, load_facts, past_facts, refresh_facts
from crmsync.sdk import Within
from crmsync.sdk.columns import COLUMNS, TEXT, stored
from crmsync.store import Store

TABLES = ("customer_fact", "customer_spend", "product_fact", "agent_fact", "shop_fact")
TALLIES = tuple(f"{of}_tally" for of in "order line event trouble account pair sum week".split())
LATER = day(400)

Rows = Callable[[str], list[dict[str, Any]]]


def facts_of(store: Store, subject: str, id: str) -> dict[str, Any]:
    return next(row for row in load_facts(store, subject, day(100)) if row["id"] == id)


def test_valid_orders_are_neither_pending_nor_cancelled(store: Store, history: History) -> None:
    for number, status in enumerate(("pending", "paid", "cancelled", "completed")):
        history.order(f"o{number}", "c1", at=number, status=status)
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["orders"], row["cancelled_orders"], row["gross"]) == (2, 1, 2000)


def test_two_orders_on_one_day_of_the_shop_are_one_purchase(store: Store) -> None:
    shop = History(store, zone="Asia/Shanghai")
    shop.order("o1", "c1", at=0.9)
    shop.order("o2", "c1", at=1.1)
    shop.order("o3", "c1", at=11.1)
    shop.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["orders"], row["purchase_days"], row["x"], row["t_x"]) == (3, 2, 1, 10)


def test_currencies_are_never_added(store: Store, history: History, table_rows: Rows) -> None:
    history.order("o1", "c1", total=100, currency="USD")
    history.order("o2", "c1", total=200, currency="CNY")
    history.order("o3", "c1", total=300, currency="CNY")
    history.refund("r1", "o2", amount=50, currency="USD")
    history.refund("r2", "o3", amount=30, currency="CNY")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["currency"], row["gross"], row["refunded"], row["net"]) == ("CNY", 500, 30, 470)
    assert table_rows("customer_spend") == [
        {"customer_id": 1, "currency": "USD", "orders": 1, "gross": 100, "refunded": 50}
    ]
    assert facts_of(store, "shop", "shop")["gross"] == 500


def test_an_order_only_marked_as_refunded_counts_as_a_refund_of_all(store: Store, history: History) -> None:
    history.order("o1", "c1", total=700, status="refunded", lines=("p1",))
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["refunds"], row["refunded"], row["net"]) == (1, 700, 0)
    assert facts_of(store, "product", "shop/p1")["refunded_orders"] == 1


def test_a_review_without_a_product_counts_for_every_product_of_its_order(
    store: Store, history: History
) -> None:
    history.order("o1", "c1", lines=("p1", "p2", "p2"))
    history.review("v1", "bad", "o1")
    history.review("v2", "bad", "o1", product_id="p1")
    history.save()
    refresh_facts(store, LATER)
    rows = {row["id"]: row for row in load_facts(store, "product", LATER)}
    assert {id: (row["orders"], row["units"], row["bad_reviews"]) for id, row in rows.items()} == {
        "shop/p1": (1, 1, 2),
        "shop/p2": (1, 2, 1),
    }
    assert facts_of(store, "customer", "1")["bad_reviews"] == 2


def test_an_order_in_trouble_twice_counts_once_and_is_the_evidence(store: Store, history: History) -> None:
    for number in range(5):
        history.order(f"o{number}", "c1", at=number, lines=("p1",))
    for number in range(4):
        history.review(f"v{number}", "bad", f"o{number}", at=number + 1)
    history.refund("r1", "o3", at=20, type="product")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "product", "shop/p1")
    assert (row["troubled_orders"], row["refunded_orders"], row["complaints_product"]) == (4, 1, 1)
    assert row["trouble_rate"] == pytest.approx(0.8)
    assert row["evidence"].splitlines() == ["o3", "o2", "o1"]


@pytest.mark.parametrize("touch", [None, "all"])
def test_there_are_no_facts_of_a_product_that_is_not_there(
    store: Store, history: History, touch: str | None
) -> None:
    history.order("o1", "c1", lines=("p1",))
    history.review("v1", "bad", "o1", product_id="p2")
    history.save(touch=touch)
    refresh_facts(store, LATER)
    assert list(load_facts(store, "product", LATER).ids) == ["shop/p1"]


def test_a_suggestion_is_no_trouble(store: Store, history: History) -> None:
    history.order("o1", "c1", lines=("p1",))
    history.talk("t1", "c1", order_id="o1", type="suggestion")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "product", "shop/p1")
    assert (row["troubled_orders"], row["complaints_suggestion"]) == (0, 1)


def test_a_refund_of_a_whole_order_is_no_one_products_money(store: Store, history: History) -> None:
    history.order("o1", "c1", total=1000, lines=("p1", "p2"))
    history.order("o2", "c1", total=1000, lines=("p1",))
    history.refund("r1", "o1", amount=1000)
    history.refund("r2", "o2", amount=400)
    history.refund("r3", "o1", amount=70, line_id="1")
    history.save()
    refresh_facts(store, LATER)
    rows = {row["id"]: (row["refunds"], row["refunded"]) for row in load_facts(store, "product", LATER)}
    assert rows == {"shop/p1": (2, 400), "shop/p2": (2, 70)}


def test_agents_convert_who_buys_within_three_days_of_asking(store: Store, history: History) -> None:
    history.talk("t1", "c1", at=0, agent_id="a1", first_reply_at=day(0) + timedelta(seconds=30), rating=1.0)
    history.talk("t2", "c2", at=0, agent_id="a1", first_reply_at=day(0) + timedelta(seconds=90))
    history.talk("t3", "c3", at=0, agent_id="a1")
    history.order("o1", "c1", at=2)
    history.order("o2", "c2", at=4)
    history.order("o3", "c3", at=1, status="cancelled")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "agent", "shop/a1")
    assert (row["inquiries"], row["answered"], row["mean_response"]) == (3, 2, 60)
    assert (row["consulted"], row["converted"], row["bad_ratings"]) == (3, 1, 1)


def test_the_rhythm_of_a_customer(store: Store, history: History) -> None:
    for number, at in enumerate((0, 10, 10.1, 14, 34)):
        history.order(f"o{number}", "c1", at=at, total=100 * (number + 1))
    history.order("o9", "c1", at=20, total=7, currency="USD")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    # Purchases on days 0, 10, 14, 20 and 34: gaps of 10, 4, 6 and 14 days.
    assert (row["x"], row["mean_gap_days"], row["last_gap_days"]) == (4, 8.5, 14)
    assert row["gap_sd_days"] == pytest.approx(np.std([10, 4, 6, 14], ddof=1))
    assert row["last_three_average"] == 400


def test_an_awaited_order_is_the_one_promised_first(store: Store, history: History) -> None:
    history.order("o1", "c1", status="shipped", promised_at=day(9))
    history.order("o2", "c1", status="paid", promised_at=day(7))
    history.order("o3", "c1", status="paid", promised_at=day(7))
    history.order("o4", "c1", status="cancelled", promised_at=day(1))
    history.order("o5", "c1", status="delivered", promised_at=day(2), delivered_at=day(8))
    history.order("o6", "c1", status="refunded", promised_at=day(3))
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["due_at"], row["due_order"]) == (day(7).timestamp(), "o2")
    (then,) = past_facts(store, "customer", day(7.5))
    assert (then["due_at"], then["due_order"]) == (day(2).timestamp(), "o5")


def test_what_was_asked_back_after_it_had_come(store: Store, history: History) -> None:
    history.order("o1", "c1", delivered_at=day(5))
    history.order("o2", "c1", delivered_at=day(5))
    history.refund("r1", "o1", at=6)
    history.refund("r2", "o1", at=7, type="product")
    history.refund("r3", "o2", at=4)
    history.talk("t1", "c1", type="logistics")
    history.talk("t2", "c1", type="suggestion")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["refunds"], row["refunds_after_delivery"], row["refunded_orders"]) == (3, 2, 2)
    assert [row[f"complaints_{type}"] for type in ("product", "logistics", "service")] == [1, 1, 0]
    assert (row["complaints"], row["complaints_suggestion"]) == (3, 1)


@pytest.mark.parametrize("trouble", ["review", "refund", "talk", "suggestion"])
def test_loyal_is_who_buys_again_after_trouble(store: Store, history: History, trouble: str) -> None:
    for number, at in enumerate((0, 10, 20)):
        history.order(f"o{number}", "c1", at=at)
    if trouble == "review":
        history.review("v1", "bad", "o0", at=5)
    elif trouble == "refund":
        history.refund("r1", "o0", at=5)
    else:
        history.talk("t1", "c1", at=5, type="suggestion" if trouble == "suggestion" else "service")
    history.save()
    refresh_facts(store, LATER)
    expected = 0 if trouble == "suggestion" else 2
    assert facts_of(store, "customer", "1")["orders_after_trouble"] == expected


def test_categories_follow_the_products(store: Store, history: History) -> None:
    history.product("p1", "tea")
    history.product("p2", "tea")
    history.order("o1", "c1", lines=("p1", "p2", "p3"))
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["products"], row["categories"]) == (3, 1)
    assert facts_of(store, "product", "shop/p1")["category"] == "tea"

    with store.write() as connection:
        connection.execute(text("UPDATE product SET category = 'cups' WHERE external_id = 'p2'"))
    history.touched.add(("product", "p2"))
    history.save()
    assert refresh_facts(store, LATER).recomputed["customer"] == 1
    assert facts_of(store, "customer", "1")["categories"] == 2


def test_a_message_is_answered_by_who_buys_within_two_weeks(store: Store, history: History) -> None:
    history.order("o1", "c1", at=0)
    history.save()
    refresh_facts(store, LATER)
    for at in (10, 50, 90):
        history.message(1, "c1", at)
    history.order("o2", "c1", at=60)
    history.order("o3", "c1", at=93, status="cancelled")
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "customer", "1")
    assert (row["messages_received"], row["messages_answered"]) == (3, 1)
    (then,) = past_facts(store, "customer", day(55))
    assert (then["messages_received"], then["messages_answered"]) == (2, 0)


def test_scores_are_fifths_of_all_buyers(store: Store, history: History) -> None:
    for number in range(10):
        for order in range(1 + number // 4):
            history.order(f"o{number}-{order}", f"c{number}", at=number, total=100 * number + 100)
    history.order("x1", "c10", at=99, total=5, currency="USD")
    history.customer("c11")
    history.save(touch="all")
    refresh_facts(store, LATER)
    rows = sorted(load_facts(store, "customer", LATER), key=lambda row: int(row["id"]))
    assert [row["r_score"] for row in rows[:11]] == [1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [row["f_score"] for row in rows[:11]] == [1, 1, 1, 1, 3, 3, 3, 3, 5, 5, 1]
    assert [row["m_score"] for row in rows[:11]] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 1]
    assert np.isnan(rows[11]["r_score"])


def test_who_buys_moves_the_scores_of_others(store: Store, history: History) -> None:
    for number in range(5):
        history.order(f"o{number}", f"c{number}", at=number)
    history.save()
    refresh_facts(store, LATER)
    assert facts_of(store, "customer", "5")["r_score"] == 5
    history.order("o9", "c0", at=9)
    history.save()
    result = refresh_facts(store, LATER)
    assert (result.recomputed["customer"], result.changed["customer"]) == (1, 5)
    assert [facts_of(store, "customer", str(n))["r_score"] for n in range(1, 6)] == [5, 1, 2, 3, 4]


def test_weeks_tell_tries_and_hits(store: Store, history: History) -> None:
    week = day(0).timestamp() // (7 * 86400)
    for number in range(30):
        history.order(f"o{number}", "c1", at=7 * number, lines=("p1",))
    history.order("o99", "c1", at=7 * 29, lines=("p1",))
    history.refund("r1", "o29", at=7 * 29 + 1)
    history.save()
    refresh_facts(store, LATER)
    lines = facts_of(store, "product", "shop/p1")["weekly"].splitlines()
    assert len(lines) == 26
    assert lines[0] == f"{week + 4:.0f} 1 0"
    assert lines[-1] == f"{week + 29:.0f} 2 1"


def test_companions_are_what_is_bought_together(store: Store, history: History) -> None:
    history.order("o1", "c1", lines=("p1", "p2", "p2", "p3"))
    history.order("o2", "c1", lines=("p1", "p2"))
    history.order("o3", "c1", lines=("p1", "p4"), status="cancelled")
    history.order("o4", "c1", lines=("p1", *(f"q{number}" for number in range(50))))
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "product", "shop/p1")
    assert row["companions"].splitlines() == ["p2 2", "p3 1"]
    assert row["basket_orders"] == 3


def test_the_scorecard_of_an_agent(store: Store, history: History) -> None:
    history.order("o1", "c1", total=600, agent_id="a1", delivered_at=day(1))
    history.order("o2", "c2", total=200, agent_id="a1")
    history.order("o3", "c2", total=800)
    history.refund("r1", "o1", at=2, kind="exchange", amount=0)
    history.talk("t1", "c1", agent_id="a1", type="service")
    for number in range(4):
        history.roster("a1", number, attended=number > 0)
    history.roster("a1", 9, scheduled=False)
    history.save()
    refresh_facts(store, LATER)
    row = facts_of(store, "agent", "shop/a1")
    assert (row["attendance_days"], row["scheduled_days"]) == (4, 4)
    assert (row["sales_share"], row["average_order"], row["average_customer"]) == (0.5, 400, 400)
    assert (row["refund_rate"], row["return_rate"], row["complaints_per_inquiry"]) == (0.5, 0.5, 1)
    then = next(iter(past_facts(store, "agent", day(2.5))))
    assert (then["attendance_days"], then["scheduled_days"]) == (2, 3)


def test_other_windows_work_everything_out_anew(store: Store, history: History) -> None:
    history.talk("t1", "c1", at=0, agent_id="a1")
    history.order("o1", "c1", at=4)
    history.save()
    refresh_facts(store, LATER)
    assert facts_of(store, "agent", "shop/a1")["converted"] == 0
    week = Windows(consult=timedelta(days=7))
    result = refresh_facts(store, LATER, week)
    assert result.full
    assert facts_of(store, "agent", "shop/a1")["converted"] == 1
    assert next(iter(past_facts(store, "agent", LATER)))["converted"] == 1
    assert refresh_facts(store, LATER, week).recomputed == {}


def test_nothing_touched_costs_nothing(store: Store, history: History) -> None:
    history.order("o1", "c1")
    history.save()
    assert refresh_facts(store, LATER).changed["customer"] == 1
    assert refresh_facts(store, LATER).recomputed == {}


def test_one_session_refreshes_often(store: Store, history: History) -> None:
    # psycopg prepares what a session runs a sixth time, and several statements in one cannot be.
    for number in range(8):
        history.order(f"o{number}", "c1", at=number)
        history.save()
        assert refresh_facts(store, LATER).recomputed["customer"] == 1
    assert facts_of(store, "customer", "1")["orders"] == 8


def test_what_is_worked_out_anew_without_a_difference_is_not_written(store: Store, history: History) -> None:
    random_history(history, 1)
    history.save(touch="all")
    refresh_facts(store, LATER)
    history.save(touch="all")
    result = refresh_facts(store, LATER)
    assert result.full
    assert set(result.changed.values()) == {0}


def test_what_is_touched_again_meanwhile_stays_touched(store: Store, history: History) -> None:
    history.order("o1", "c1")
    history.save()
    with store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO touched (connection_id, kind, external_id, stamp)"
                " VALUES (:id, 'account', 'c1', 1)"
            ),
            {"id": history.id},
        )
    from crmsync.insight import scope

    with store.write() as connection:
        scope.prepare(connection)
        scope.take_touched(connection)
        connection.execute(text("UPDATE touched SET stamp = stamp + 1 WHERE kind = 'account'"))
        scope.release_touched(connection)
        left = connection.execute(text("SELECT kind FROM touched")).scalars().all()
    assert left == ["account"]


@pytest.mark.parametrize("seed", range(4))
def test_full_equals_incremental_in_any_order_of_arrival(store: Store, table_rows: Rows, seed: int) -> None:
    shop = History(store)
    random_history(shop, seed, 90)
    everything = {table: list(rows) for table, rows in shop.rows.items()}
    touched = sorted(shop.touched)
    chance = random.Random(seed)
    pieces = [(table, row) for table, rows in everything.items() for row in rows if True]
    chance.shuffle(pieces)
    first = ("customer", "account", "agent")
    pieces.sort(key=lambda piece: (*first, piece[0].__tablename__).index(piece[0].__tablename__))
    shop.rows.clear()
    for start in range(0, len(pieces), 80):
        for table, row in pieces[start : start + 80]:
            shop.rows[table].append(row)
        shop.touched = set(touched)
        shop.save()
        refresh_facts(store, LATER)
    incremental = {table: table_rows(table) for table in TABLES}

    with store.write() as connection:
        for table in TABLES:
            connection.execute(text(f"DELETE FROM {table}"))
    shop.save(touch="all")
    assert refresh_facts(store, LATER).full
    for table in TABLES:
        assert table_rows(table) == incremental[table], table


@pytest.mark.parametrize("seed", range(3))
def test_few_touched_subjects_get_the_facts_a_full_refresh_gives(
    store: Store, table_rows: Rows, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("crmsync.insight.refresh._WHOLE", 2.0)
    shop = History(store)
    random_history(shop, seed, 60)
    shop.save(touch="all")
    refresh_facts(store, LATER)
    random_history(shop, seed + 50, 8, first=100)
    shop.save()
    assert not refresh_facts(store, LATER).full
    incremental = {table: table_rows(table) for table in (*TABLES, *TALLIES)}
    shop.save(touch="all")
    result = refresh_facts(store, LATER)
    assert set(result.changed.values()) == {0}
    assert {table: table_rows(table) for table in (*TABLES, *TALLIES)} == incremental


@pytest.mark.postgres
def test_both_databases_give_the_same_facts(both_stores: tuple[Store, Store]) -> None:
    seen = []
    for store in both_stores:
        shop = History(store, zone="Asia/Shanghai")
        random_history(shop, 7, 120)
        shop.save(touch="all")
        refresh_facts(store, LATER)
        with store.read() as connection:
            found = connection.execute(text("SELECT id, key FROM customer"))
            keys = {row.id: row.key for row in found}
        tables = {
            subject: {
                keys[int(row["id"])] if subject == "customer" else row["id"]: {**row, "id": None}
                for row in load_facts(store, subject, LATER)
            }
            for subject in ("customer", "product", "agent", "shop")
        }
        seen.append(tables)
    np.testing.assert_equal(seen[0], seen[1])


def test_the_past_is_what_had_happened_and_was_known(store: Store, history: History) -> None:
    history.order("o1", "c1", at=1, lines=("p1",))
    history.order("o2", "c1", at=5, status="cancelled", cancelled_at=day(20))
    history.order("o3", "c1", at=30)
    history.review("v1", "bad", "o1", at=8)
    history.review("v2", "bad", "o1", at=9, learned_at=day(50))
    history.save()
    then = next(iter(past_facts(store, "customer", day(10))))
    assert (then["orders"], then["bad_reviews"]) == (2, 2)
    known = next(iter(past_facts(store, "customer", day(10), known=day(10))))
    assert (known["orders"], known["bad_reviews"]) == (2, 1)
    now = next(iter(past_facts(store, "customer", day(60))))
    assert (now["orders"], now["cancelled_orders"], now["bad_reviews"]) == (2, 1, 2)


@pytest.mark.parametrize("subject", ["product", "agent"])
@pytest.mark.parametrize("said", ["review", "refund", "talk"])
def test_what_is_said_of_an_order_counts_once_the_order_is_known(
    store: Store, history: History, said: str, subject: Any
) -> None:
    history.order("o1", "c1", at=1, lines=("p1",), agent_id="a1", learned_at=day(50))
    history.order("o2", "c1", at=1, lines=("p1",), agent_id="a1")
    for order in ("o1", "o2"):
        if said == "review":
            history.review(f"x{order}", "bad", order, at=2)
        elif said == "refund":
            history.refund(f"x{order}", order, at=2, type="product")
        else:
            history.talk(f"x{order}", at=2, order_id=order, type="product", agent_id="a1")
    history.save()
    # An agent's conversations are the agent's own, whatever they are about.
    before = 2 if (subject, said) == ("agent", "talk") else 1
    for known, count in ((day(10), before), (day(60), 2)):
        facts = next(iter(past_facts(store, subject, day(10), known=known)))
        assert facts["bad_reviews" if said == "review" else "complaints"] == count


@pytest.mark.parametrize("subject", ["customer", "product", "agent", "shop"])
def test_the_past_as_of_the_end_is_the_present(store: Store, history: History, subject: Any) -> None:
    random_history(history, 3)
    history.save(touch="all")
    refresh_facts(store, LATER)
    present, past = load_facts(store, subject, LATER), past_facts(store, subject, LATER)
    assert list(present.ids) == list(past.ids)
    for name in present.columns:
        np.testing.assert_array_equal(present[name], past[name], err_msg=name)


@pytest.mark.parametrize("subject", ["customer", "product", "agent", "shop"])
def test_every_column_is_described(store: Store, history: History, subject: Any) -> None:
    history.order("o1", "c1", lines=("p1",), agent_id="a1")
    history.talk("t1", "c1", agent_id="a1")
    history.save()
    refresh_facts(store, LATER)
    facts = load_facts(store, subject, LATER)
    described = [column.name for column in COLUMNS[subject]]
    assert sorted(facts.columns) == sorted(described)
    assert len(set(described)) == len(described)
    for name in stored(subject):
        assert facts[name].dtype == (object if name in TEXT else float)


def test_days_pass_without_a_refresh(store: Store, history: History) -> None:
    history.order("o1", "c1", at=1)
    history.save()
    refresh_facts(store, START)
    assert load_facts(store, "customer", day(11))["recency_days"] == [10]
    assert load_facts(store, "customer", day(21))["recency_days"] == [20]


def test_only_what_changed_since_is_loaded(store: Store, history: History) -> None:
    from crmsync.insight import last_refresh

    history.order("o1", "c1")
    history.order("o2", "c2")
    history.save()
    refresh_facts(store, LATER)
    before = last_refresh(store)
    history.order("o3", "c2")
    history.save()
    refresh_facts(store, LATER)
    assert list(load_facts(store, "customer", LATER, changed_since=before).ids) == ["2"]


def test_whose_scores_moved_is_told_from_whose_facts_changed(store: Store, history: History) -> None:
    from crmsync.insight import last_refresh

    for number in range(5):
        history.order(f"o{number}", f"c{number}", at=number)
    history.save()
    refresh_facts(store, LATER)
    before = last_refresh(store)
    history.order("o9", "c0", at=9)
    history.save()
    refresh_facts(store, LATER)

    def changed(*, scores: bool) -> list[str]:
        found = load_facts(store, "customer", LATER, changed_since=before, scores=scores)
        return [str(id) for id in found.ids]

    assert changed(scores=True) == ["1", "2", "3", "4", "5"]
    assert changed(scores=False) == ["1"]
    # A change that is not looked at at once is not hidden by a move of the scores after it.
    history.order("p9", "c1", at=10)
    history.save()
    refresh_facts(store, LATER)
    assert changed(scores=False) == ["1", "2"]


def test_only_those_within_a_span_of_time_are_loaded(store: Store, history: History) -> None:
    for account, at in (("c1", 10), ("c2", 20), ("c3", 30)):
        history.order(f"o{account}", account, at)
    history.order("o4", "c4", 20, status="cancelled")
    history.save()
    refresh_facts(store, day(40))

    def read(least: float | None = None, most: float | None = None) -> list[str]:
        ages = [None if age is None else timedelta(days=age) for age in (least, most)]
        found: list[str] = load_facts(
            store, "customer", day(40), within=Within("last_order_at", *ages)
        ).ids.tolist()
        return found

    assert read() == ["1", "2", "3"]
    assert read(least=20) == ["1", "2"]
    assert read(most=20) == ["2", "3"]
    assert read(least=15, most=25) == ["2"]
    assert read(least=20.001) == ["1"]
    assert read(most=19.999) == ["3"]
    assert read(most=999_999) == ["1", "2", "3"]
