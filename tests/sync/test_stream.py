"""One run of one stream: what it stores, what it leaves, where it stands afterwards."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from arrivals import Shop
from memory_platform import START, Bench, order

from crmsync.sdk import AuthError, Conversation, Rejection, Review, TransientError
from crmsync.store import Store
from crmsync.store.tables import from_instant
from crmsync.sync import stream as stream_module
from crmsync.sync.run import close_orphans, recent_runs
from crmsync.sync.stream import Scope


def cursor_at(bench: Bench) -> Any:
    rows = bench.rows("SELECT at FROM cursor")
    return from_instant(rows[0][0]) if rows and rows[0][0] is not None else None


def test_everything_is_stored_once(bench: Bench) -> None:
    result = bench.run([order(1), order(2)], [order(3)])
    assert (result.status, result.pulled, result.inserted) == ("ok", 3, 3)
    assert bench.ids() == ["o1", "o2", "o3"]
    assert len(bench.rows("SELECT * FROM order_line")) == 3


def test_the_second_run_writes_nothing(bench: Bench) -> None:
    pages = [order(1), order(2)]
    bench.run(pages)
    before = bench.rows('SELECT * FROM "order" ORDER BY external_id')
    bench.clock.advance(timedelta(hours=1))
    result = bench.run(pages)
    assert (result.inserted, result.updated, result.unchanged) == (0, 0, 2)
    assert bench.rows('SELECT * FROM "order" ORDER BY external_id') == before


def test_a_changed_record_is_written_and_remembers_when_it_was_learned(bench: Bench) -> None:
    bench.run([order(1)])
    first = bench.clock.now()
    bench.clock.advance(timedelta(hours=1))
    result = bench.run([order(1, minutes=30, total=5)])
    assert (result.inserted, result.updated) == (0, 1)
    [(total, learned, changed)] = bench.rows('SELECT total, learned_at, changed_at FROM "order"')
    assert total == 5
    assert from_instant(learned) == first
    assert from_instant(changed) == first + timedelta(hours=1)


def test_an_older_version_never_overwrites_a_newer_one(bench: Bench) -> None:
    bench.run([order(1, minutes=30, total=5)])
    result = bench.run([order(1, minutes=10, total=9)])
    assert result.unchanged == 1
    assert bench.rows('SELECT total FROM "order"') == [(5,)]


def test_of_two_versions_in_one_page_the_newer_counts_in_either_order(bench: Bench) -> None:
    bench.run([order(1, minutes=30, total=5), order(1, minutes=10, total=9)])
    bench.run([order(2, minutes=10, total=9), order(2, minutes=30, total=5)])
    assert bench.rows('SELECT total FROM "order"') == [(5,), (5,)]


def test_lines_that_left_an_order_are_gone_and_their_product_is_touched(bench: Bench) -> None:
    bench.run([order(1, lines=[("1", "p1", 1), ("2", "p2", 2)])])
    untouch(bench)
    bench.run([order(1, minutes=9, lines=[("2", "p3", 2)])])
    assert bench.rows("SELECT line_id, product_id FROM order_line") == [("2", "p3")]
    touched = set(bench.rows("SELECT kind, external_id FROM touched"))
    assert touched == {("order", "o1"), ("account", "b1"), ("product", "p1"), ("product", "p2")}


def untouch(bench: Bench) -> None:
    with bench.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM touched")


def test_the_buyer_an_order_no_longer_names_is_touched(bench: Bench) -> None:
    bench.run([order(1, buyer="b1")])
    untouch(bench)
    bench.run([order(1, minutes=9, buyer="b2")])
    touched = set(bench.rows("SELECT kind, external_id FROM touched"))
    assert {("account", "b1"), ("account", "b2")} <= touched


def test_what_no_order_or_account_leads_to_is_touched_itself(store: Store) -> None:
    shop = Shop(store)
    shop.arrive([Review(external_id=f"v{n}", order_id=(None, "o1")[n], created_at=START) for n in (0, 1)])
    shop.arrive(
        [
            Conversation(external_id=f"t{n}", order_id="o1", customer_id=(None, "c1")[n], started_at=START)
            for n in (0, 1)
        ]
    )
    assert touched(store) == {("review", "v0"), ("order", "o1"), ("talk", "t0"), ("account", "c1")}


def test_a_review_that_gets_or_loses_its_order_is_touched_itself(store: Store) -> None:
    shop = Shop(store)
    for minute, named in enumerate((None, "o1", None)):
        with store.write() as connection:
            connection.exec_driver_sql("DELETE FROM touched")
        at = START + timedelta(minutes=minute)
        shop.arrive([Review(external_id="v1", updated_at=at, order_id=named, created_at=START)])
        assert ("review", "v1") in touched(store)


def touched(store: Store) -> set[tuple[str, str]]:
    with store.read() as connection:
        return {
            (kind, id) for kind, id in connection.exec_driver_sql("SELECT kind, external_id FROM touched")
        }


def test_what_is_buried_is_touched(bench: Bench) -> None:
    both = [{"id": "p1", "title": "a"}, {"id": "p2", "title": "b"}]
    bench.run(both, stream="products")
    untouch(bench)
    bench.run(both[:1], stream="products", scope=Scope(full=True))
    assert bench.rows("SELECT kind, external_id FROM touched") == [("product", "p2")]


def test_a_first_walk_touches_everything_by_one_row(bench: Bench) -> None:
    bench.run([order(1), order(2)])
    assert bench.rows("SELECT kind, external_id FROM touched") == [("all", "")]


def test_an_unchanged_record_touches_nobody(bench: Bench) -> None:
    bench.run([order(1)])
    untouch(bench)
    bench.run([order(1)])
    assert bench.rows("SELECT * FROM touched") == []


def test_a_record_of_which_only_its_time_changed_is_no_news(bench: Bench) -> None:
    buyer = {"id": "b1", "name": "Ann"}
    bench.run([{**buyer, "at": START.isoformat()}], stream="customers")
    untouch(bench)
    before = bench.rows("SELECT * FROM account")
    noted = {**buyer, "at": (START + timedelta(hours=2)).isoformat()}
    result = bench.run([noted], stream="customers")
    assert (result.updated, result.unchanged) == (0, 1)
    assert bench.rows("SELECT * FROM touched") == []
    assert bench.rows("SELECT * FROM account") == before
    assert bench.run([{**noted, "name": "Anna"}], stream="customers").updated == 1


def test_the_next_run_reads_again_from_before_the_cursor(bench: Bench) -> None:
    bench.run([order(1), order(20)])
    assert cursor_at(bench) == START + timedelta(minutes=20)
    bench.run()
    assert bench.platform.asked[-1].at == START + timedelta(minutes=15)


def test_the_cursor_does_not_drift_back_when_nothing_comes(bench: Bench) -> None:
    bench.run([order(20)])
    for _ in range(3):
        bench.run()
    assert cursor_at(bench) == START + timedelta(minutes=20)


def test_a_failure_keeps_what_was_stored_and_leads_nothing(bench: Bench) -> None:
    result = bench.run([order(1)], TransientError("The platform is asleep."), [order(9)])
    assert (result.status, result.reason) == ("partial", "The platform is asleep.")
    assert bench.ids() == ["o1"]
    assert cursor_at(bench) == START + timedelta(minutes=1)
    assert bench.run([order(1)], [order(9)]).status == "ok"
    assert bench.ids() == ["o1", "o9"]


def test_a_failure_before_the_first_page_moves_nothing(bench: Bench) -> None:
    result = bench.run(AuthError("The key was revoked.", fix="Issue a new one."))
    assert (result.status, result.reason) == ("failed", "The key was revoked. Issue a new one.")
    assert bench.rows("SELECT * FROM cursor") == []


def test_a_bug_in_a_connector_says_where_it_is(bench: Bench) -> None:
    result = bench.run(ZeroDivisionError("division by zero"))
    assert result.status == "failed"
    assert "ZeroDivisionError at memory_platform.py:" in result.reason


@pytest.mark.parametrize("broken", ["write_records", "advance", "record_counts", "put_aside"])
def test_page_cursor_quarantine_and_counts_commit_together(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise OSError("disk full")

    # After the page's own write, so that everything before it must be rolled back.
    real = getattr(stream_module, broken)
    monkeypatch.setattr(stream_module, broken, lambda *a, **o: (real(*a, **o), fail()))
    result = bench.run([order(1), {"id": "bad"}])
    assert result.status == "failed"
    assert (result.pulled, result.inserted, result.rejected) == (0, 0, 0)
    monkeypatch.undo()
    for table in ("order", "order_line", "account", "cursor", "quarantine", "touched"):
        assert bench.rows(f'SELECT * FROM "{table}"') == [], table


def test_one_bad_record_is_put_aside_alone(bench: Bench) -> None:
    seen: list[Rejection] = []
    result = bench.run([order(1), order(2, total="12.5"), order(3)], on_rejected=seen.append)
    assert (result.status, result.inserted, result.rejected) == ("ok", 2, 1)
    assert "1 in quarantine" in result.reason
    assert bench.ids() == ["o1", "o3"]
    assert seen == [Rejection("shop", "orders", "o2", "total: Expected `int`, got `str`")]


@pytest.mark.parametrize(
    "spoil",
    [
        {"buyer": "\0"},
        {"buyer": "\ud800"},
        {"buyer": ""},
        {"buyer": 7.5},
        {"total": 1e400},
        {"total": True},
        {"total": 2**70},
        {"at": "2026-03-01T00:00:00"},
        {"at": None},
        {"lines": None},
        {"lines": [("1", "x" * 300, 1)]},
    ],
    ids=repr,
)
def test_what_no_database_should_keep_is_rejected(bench: Bench, spoil: dict[str, Any]) -> None:
    result = bench.run([order(1), {**order(2), **spoil}])
    assert (result.inserted, result.rejected) == (1, 1)
    assert bench.ids() == ["o1"]


def test_a_text_that_only_looks_like_a_nul_is_kept(bench: Bench) -> None:
    assert bench.run([order(1, buyer="a\\u0000b")]).inserted == 1


def test_payloads_that_are_not_for_us_are_left_out(bench: Bench) -> None:
    result = bench.run([order(1), order(2, irrelevant=True)])
    assert (result.pulled, result.inserted, result.rejected) == (2, 1, 0)


def test_up_to_ten_bad_records_are_bad_records(bench: Bench) -> None:
    result = bench.run([{"id": f"x{n}"} for n in range(10)])
    assert (result.status, result.rejected) == ("ok", 10)


def test_more_than_one_in_twenty_stops_the_run(bench: Bench) -> None:
    bad = [{"id": f"x{n}"} for n in range(11)]
    assert bench.run([*map(order, range(220)), *bad]).status == "ok"
    result = bench.run([*map(order, range(200)), *bad])
    assert result.status == "failed"
    assert "11 of 211 orders could not be understood" in result.reason


def test_more_than_a_hundred_stop_the_run(bench: Bench) -> None:
    result = bench.run([*map(order, range(3000)), *({"id": f"x{n}"} for n in range(101))])
    assert result.status == "failed"
    assert bench.rows("SELECT * FROM cursor") == []


def test_a_backfill_leaves_the_cursor_where_it_is(bench: Bench) -> None:
    bench.run([order(50)])
    since, until = START, START + timedelta(minutes=40)
    result = bench.run([order(1)], scope=Scope(since=since, until=until))
    assert result.inserted == 1
    assert bench.platform.asked[-1].at == since
    assert bench.platform.asked[-1].until == until
    assert cursor_at(bench) == START + timedelta(minutes=50)


def test_a_backfill_stops_at_its_end(bench: Bench) -> None:
    pages = [[order(1)], [order(50)], *([order(n)] for n in range(60, 80))]
    bench.run(*pages, scope=Scope(until=START + timedelta(minutes=40)))
    assert {"o1", "o50"} <= set(bench.ids())
    assert "o79" not in bench.ids()


def test_a_full_read_that_is_cut_short_does_not_lead_back_to_the_beginning(bench: Bench) -> None:
    bench.run([order(50)])
    bench.run([order(1)], TransientError("gone"), scope=Scope(full=True))
    assert cursor_at(bench) == START + timedelta(minutes=50)


def test_a_dry_run_counts_and_writes_nothing(bench: Bench) -> None:
    bench.run([order(1)])
    before = {
        t: bench.rows(f'SELECT * FROM "{t}"') for t in ("order", "cursor", "run", "touched", "quarantine")
    }
    result = bench.run([order(1), order(2), {"id": "bad"}], scope=Scope(dry_run=True))
    assert (result.inserted, result.unchanged, result.rejected) == (1, 1, 1)
    assert before == {table: bench.rows(f'SELECT * FROM "{table}"') for table in before}


def test_a_complete_read_buries_what_it_no_longer_lists(bench: Bench) -> None:
    both = [{"id": "p1", "title": "a"}, {"id": "p2", "title": "b"}]
    bench.run(both, stream="products")
    result = bench.run(both[:1], stream="products", scope=Scope(full=True))
    assert result.deleted == 1
    assert bench.ids("product") == ["p1"]
    assert bench.rows("SELECT * FROM seen") == []
    assert bench.run(both, stream="products").updated == 1
    assert bench.ids("product") == ["p1", "p2"]


def test_a_dry_run_tells_what_a_complete_read_would_bury(bench: Bench) -> None:
    told = [{"id": f"p{n}", "title": "a"} for n in range(4)]
    bench.run(told, stream="products")
    bench.run(told[:3], stream="products", scope=Scope(full=True))
    dry = Scope(full=True, dry_run=True)
    # What comes twice, and what is new, stands for nothing that is gone.
    assert (
        bench.run(
            [told[0], told[1]], [told[0], {"id": "p9", "title": "b"}], stream="products", scope=dry
        ).deleted
        == 1
    )
    assert bench.run(told[:1], stream="products", scope=Scope(dry_run=True)).deleted == 0
    assert bench.run(told[:1], TransientError("gone"), stream="products", scope=dry).deleted == 0
    assert bench.ids("product") == ["p0", "p1", "p2"]
    assert bench.run(told[:1], stream="products", scope=dry).deleted == 2
    assert bench.run(told[:1], stream="products", scope=Scope(full=True)).deleted == 2


@pytest.mark.parametrize(
    ("stream", "pages", "scope"),
    [
        ("products", [[{"id": "p1", "title": "a"}]], Scope()),
        ("products", [[{"id": "p1", "title": "a"}], TransientError("gone")], Scope(full=True)),
        ("orders", [[order(1)]], Scope(full=True)),
    ],
    ids=["not from the beginning", "cut short", "no snapshot"],
)
def test_absence_from_a_partial_read_deletes_nothing(
    bench: Bench, stream: str, pages: list[Any], scope: Scope
) -> None:
    bench.run([{"id": "p1", "title": "a"}, {"id": "p2", "title": "b"}], stream="products")
    bench.run([order(1), order(2)])
    bench.run(*pages, stream=stream, scope=scope)
    assert bench.ids("product") == ["p1", "p2"]
    assert bench.ids() == ["o1", "o2"]


def test_a_platform_that_loops_does_not_make_us_loop(bench: Bench) -> None:
    page = [order(1), order(2)]
    result = bench.run(page, page, page, [order(3)])
    assert result.status == "partial"
    assert "the same page of orders twice" in result.reason
    assert bench.ids() == ["o1", "o2"]


def test_a_stop_finishes_the_page_in_hand(bench: Bench) -> None:
    stop = threading.Event()
    bench.platform.on_page = lambda number: stop.set() if number == 1 else None
    result = bench.run(*[[order(n)] for n in range(50)], stop=stop)
    assert result.status == "stopped"
    assert 1 <= len(bench.ids()) <= 10
    assert len(bench.rows('SELECT 1 FROM "order"')) == result.inserted


def test_history_tells_every_run(bench: Bench) -> None:
    bench.run([order(1)])
    bench.run(TransientError("asleep"))
    newest, oldest = recent_runs(bench.store)
    assert (oldest["connection"], oldest["status"], oldest["inserted"]) == ("shop", "ok", 1)
    assert (newest["status"], newest["reason"]) == ("failed", "asleep")


def test_a_run_that_a_kill_left_open_is_closed(bench: Bench) -> None:
    bench.run([order(1)])
    with bench.store.write() as connection:
        connection.exec_driver_sql("UPDATE run SET status = 'running', ended_at = NULL")
        connection.exec_driver_sql("INSERT INTO seen SELECT id, 'p1' FROM run")
    assert close_orphans(bench.store, bench.clock.now()) == 1
    assert recent_runs(bench.store)[0]["status"] == "failed"
    assert bench.rows("SELECT * FROM seen") == []
    assert close_orphans(bench.store, bench.clock.now()) == 0


def test_accounts_named_by_orders_are_customers_before_they_have_a_profile(bench: Bench) -> None:
    bench.run([order(1, buyer="b1"), order(2, buyer="b2"), order(3, buyer="b1")])
    assert bench.ids("account") == ["b1", "b2"]
    assert len(bench.rows("SELECT * FROM customer")) == 2
    person = {"id": "b1", "name": "王芳", "at": START.isoformat(), "agrees": True}
    result = bench.run([person], stream="customers")
    assert (result.inserted, result.updated) == (1, 0)
    assert bench.rows("SELECT name FROM account WHERE external_id = 'b1'") == [("王芳",)]
    assert len(bench.rows("SELECT * FROM customer")) == 2
    assert bench.rows("SELECT account_id, medium, purpose FROM consent") == [("b1", "any", "marketing")]


def test_a_statement_of_consent_is_kept_once(bench: Bench) -> None:
    person = {"id": "b1", "at": START.isoformat(), "agrees": True}
    bench.run([person], stream="customers")
    bench.run([person], stream="customers", scope=Scope(full=True))
    assert len(bench.rows("SELECT * FROM consent")) == 1
    bench.run(
        [{**person, "agrees": False, "at": (START + timedelta(days=1)).isoformat()}], stream="customers"
    )
    assert len(bench.rows("SELECT * FROM consent")) == 2


def test_two_connections_are_two_identities(store: Store) -> None:
    one, two = Bench(store, name="one"), Bench(store, name="two")
    one.run([order(1)])
    two.run([order(1)])
    assert len(one.rows('SELECT * FROM "order"')) == 2
    assert len(one.rows("SELECT * FROM customer")) == 2


def test_within_one_identity_scope_an_id_is_one_customer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memory_platform import Memory

    monkeypatch.setattr(Memory, "scope", "memory:app-1")
    one, two = Bench(store, name="one"), Bench(store, name="two")
    one.run([order(1)])
    two.run([order(1)])
    assert len(one.rows("SELECT * FROM account")) == 2
    assert len(one.rows("SELECT * FROM customer")) == 1


def test_reviews_get_their_level_from_their_score(bench: Bench) -> None:
    at = START.isoformat()
    scores = (1, 2, 3, 3.5, 4, 5)
    bench.run([{"id": f"r{n}", "order": "o1", "score": n, "at": at} for n in scores], stream="reviews")
    levels = [row[0] for row in bench.rows("SELECT level FROM review ORDER BY score")]
    assert levels == ["bad", "bad", "neutral", "neutral", "good", "good"]


def test_large_pages_take_the_bulk_path_and_small_ones_the_same_result(bench: Bench) -> None:
    bench.run([order(n) for n in range(500)])
    for n in range(3):
        bench.run([order(n, minutes=999, total=7)])
    bench.run([order(n, minutes=1999, total=8) for n in range(3, 400)])
    totals = dict(bench.rows('SELECT total, count(*) FROM "order" GROUP BY total'))
    assert totals == {7: 3, 8: 397, 1000: 100}
