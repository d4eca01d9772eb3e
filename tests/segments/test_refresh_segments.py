"""Membership with its history, the same whether everybody is looked at or only who changed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from histories import History, day, random_history
from sqlalchemy import select, text

from crmsync.insight import refresh_facts
from crmsync.rules import judge_rules
from crmsync.sdk import Facts, Finding, Model, Rule, Settings
from crmsync.segments import list_segments, preview_segment, refresh_segments
from crmsync.segments import refresh as refresh_module
from crmsync.store import Store
from crmsync.store.tables import Segment, SegmentMember

NOW = day(100)


class Buyer(Rule[Settings]):
    """Flags customers by their number of orders."""

    name = "buyer"
    title = "Buyers"
    Settings = Settings

    @property
    def subject(self) -> Any:
        return "customer"

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        for row in facts:
            if row["orders"] > 1:
                yield Finding(row["id"], "high" if row["orders"] > 2 else "medium", row["orders"], ())


RULES = {"buyer": Buyer(Settings())}


def a_pass(store: Store, segments: dict[str, str], now: datetime = NOW) -> Any:
    refresh_facts(store, now)
    judge_rules(store, RULES, now)
    return refresh_segments(store, segments, now)


def inside(store: Store, segment: str) -> list[int]:
    with store.read() as connection:
        query = select(SegmentMember.customer_id).where(
            SegmentMember.segment == segment, SegmentMember.left_at.is_(None)
        )
        return sorted(connection.scalars(query))


def stays(store: Store, segment: str) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        query = select(SegmentMember.customer_id, SegmentMember.entered_at, SegmentMember.left_at)
        return sorted(map(tuple, connection.execute(query.where(SegmentMember.segment == segment))), key=str)


@pytest.fixture
def history(store: Store) -> History:
    history = History(store)
    history.order("o1", "c1", at=1)
    history.order("o2", "c1", at=50)
    history.order("o3", "c2", at=95)
    history.save()
    return history


def test_who_belongs_enters_and_leaves(store: Store, history: History) -> None:
    segments = {"many": "orders > 1", "flagged": "flag(buyer) >= high", "recent": "recency_days < 30"}
    results = a_pass(store, segments)
    assert [inside(store, name) for name in segments] == [[1], [], [2]]
    assert (results["many"].entered, results["many"].members, results["many"].full) == (1, 1, True)

    history.order("o4", "c1", at=99)
    history.save()
    later = NOW + timedelta(minutes=10)
    results = a_pass(store, segments, later)
    assert [inside(store, name) for name in segments] == [[1], [1], [1, 2]]
    assert (results["flagged"].entered, results["flagged"].full) == (1, False)

    with store.write() as connection:
        connection.execute(text("UPDATE \"order\" SET status = 'cancelled' WHERE external_id <> 'o3'"))
    history.touched.add(("account", "c1"))
    history.save()
    last = NOW + timedelta(minutes=20)
    results = a_pass(store, segments, last)
    assert [inside(store, name) for name in segments] == [[], [], [2]]
    assert (results["many"].left, results["many"].full) == (1, False)
    assert stays(store, "many") == [(1, NOW, last)]
    assert stays(store, "flagged") == [(1, later, last)]


def test_nothing_new_looks_at_nobody(store: Store, history: History) -> None:
    segments = {"many": "orders > 1"}
    a_pass(store, segments)
    result = a_pass(store, segments, NOW + timedelta(hours=5))["many"]
    assert (result.judged, result.members, result.full) == (0, 1, False)


def test_the_clock_alone_moves_people(store: Store, history: History) -> None:
    segments = {"recent": "recency_days < 30"}
    a_pass(store, segments)
    soon = a_pass(store, segments, NOW + timedelta(minutes=50))["recent"]
    assert (soon.judged, soon.members) == (0, 1)
    later = a_pass(store, segments, NOW + timedelta(days=40))["recent"]
    assert (later.full, later.left, later.members) == (True, 1, 0)
    back = a_pass(store, segments, NOW)["recent"]
    assert (back.full, back.entered) == (True, 1)


def test_a_segment_that_says_something_else_is_looked_at_anew(store: Store, history: History) -> None:
    a_pass(store, {"some": "orders > 1"})
    result = a_pass(store, {"some": "orders = 1"})["some"]
    assert (result.full, result.entered, result.left) == (True, 1, 1)
    assert inside(store, "some") == [2]


def test_a_segment_that_is_configured_no_more_is_closed(store: Store, history: History) -> None:
    a_pass(store, {"many": "orders > 1", "all": "orders > 0"})
    later = NOW + timedelta(days=1)
    assert a_pass(store, {"all": "orders > 0"}, later).keys() == {"all"}
    assert stays(store, "many") == [(1, NOW, later)]
    assert inside(store, "all") == [1, 2]
    assert a_pass(store, {}, later) == {}
    assert inside(store, "all") == []
    with store.read() as connection:
        assert set(connection.scalars(select(Segment.closed_at))) == {later}
    assert a_pass(store, {"many": "orders > 1"}, later)["many"].entered == 1


def test_a_refresh_that_fails_changes_nothing(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_pass(store, {"many": "orders > 1"})

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(refresh_module, "_close", fail)
    with pytest.raises(OSError, match="disk full"):
        a_pass(store, {"many": "orders = 1"})
    monkeypatch.undo()
    assert inside(store, "many") == [1]


def test_preview_shows_what_puts_them_in_and_writes_nothing(store: Store, history: History) -> None:
    history.order("o9", "c3", at=99, total=99_000)
    history.save()
    with store.write() as connection:
        connection.execute(text("UPDATE account SET name = '王小明' WHERE external_id = 'c1'"))
    a_pass(store, {"many": "orders > 0"})
    found = preview_segment(store, "many", "net >= 20 CNY and (flag(buyer) or orders = 1)", NOW)
    assert (found.customers, found.members, found.entering, found.leaving) == (3, 2, 0, 1)
    first, second = found.examples
    assert (first.customer_id, first.name) == (1, "王**")
    assert (first.facts, first.flags) == ({"net": "CNY 20.00", "orders": "2"}, {"buyer": "medium"})
    assert (second.customer_id, second.facts["net"], second.flags) == (3, "CNY 990.00", {})
    assert inside(store, "many") == [1, 2, 3]


def test_the_list_counts_who_came_and_went(store: Store, history: History) -> None:
    assert list_segments(store, {"many": "orders > 1"}, NOW)[0].refreshed_at is None
    a_pass(store, {"many": "orders > 1"}, NOW - timedelta(days=30))
    a_pass(store, {"many": "orders = 1"})
    found = list_segments(store, {"many": "orders = 1"}, NOW)[0]
    assert (found.members, found.entered, found.left, found.refreshed_at) == (1, 1, 1, NOW)


SEGMENTS = {
    "gold": "net > 100 CNY and flag(buyer)",
    "late": "late_orders > 0 or recency_days > 60",
    "rest": "not flag(buyer) >= high and currency in (CNY)",
}


@pytest.mark.parametrize("seed", range(3))
def test_changed_only_is_everybody_and_both_databases_agree(
    both_stores: tuple[Store, Store], tmp_path: Path, sqlite_template: Path, seed: int
) -> None:
    """Piece by piece on two databases, and all at once on a third."""
    import shutil

    shutil.copy(sqlite_template, tmp_path / "whole.db")
    whole = Store(f"sqlite:///{tmp_path}/whole.db")
    stores = (*both_stores, whole)
    histories = [History(store) for store in stores]
    chance = random.Random(seed)
    now, first = day(210), 0
    for _ in range(4):
        orders = chance.randint(3, 20)
        now += timedelta(minutes=chance.randint(1, 40))
        for history in histories:
            random_history(history, seed * 100 + first, orders, first=first)
            history.save()
        for store in both_stores:
            a_pass(store, SEGMENTS, now)
        first += orders
    # What the clock moved meanwhile is at most an hour old.
    now += timedelta(hours=1)
    for store in stores:
        a_pass(store, SEGMENTS, now)
    one, two, three = ({name: _accounts(store, name) for name in SEGMENTS} for store in stores)
    assert one == two == three
    assert any(one.values())
    whole.close()


def _accounts(store: Store, segment: str) -> list[str]:
    query = text(
        "SELECT a.external_id FROM segment_member m JOIN account a ON a.customer_id = m.customer_id"
        " WHERE m.segment = :segment AND m.left_at IS NULL"
    )
    with store.read() as connection:
        return sorted(connection.scalars(query, {"segment": segment}))
