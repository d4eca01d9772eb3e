"""Records that could not be understood: listed, mended by themselves, replayed, dropped."""

from __future__ import annotations

from typing import Any

import pytest
from memory_platform import Bench, order

from crmsync.sdk import Product, RecordError, UsageError
from crmsync.sync.quarantine import drop, list_quarantine, payload_of, quarantine_counts, replay
from crmsync.sync.write import Target

BAD = {**order(2), "total": "twelve"}


@pytest.fixture
def target(bench: Bench) -> Target:
    return Target(bench.source.connection_id, "shop", "orders", first=False)


def test_an_entry_tells_what_and_why_and_keeps_the_payload(bench: Bench) -> None:
    bench.run([order(1), BAD])
    [entry] = list_quarantine(bench.store)
    assert (entry.connection, entry.stream, entry.external_id, entry.times) == ("shop", "orders", "o2", 1)
    assert entry.reason == "total: Expected `int`, got `str`"
    assert payload_of(bench.store, entry.id)["total"] == "twelve"
    assert quarantine_counts(bench.store) == {("shop", "orders"): 1}


def test_a_reason_never_holds_the_value(bench: Bench) -> None:
    bench.run([order(1), order(2, buyer=["someone@example.com"])])
    assert "someone" not in list_quarantine(bench.store)[0].reason


def test_the_same_rejection_again_counts_up(bench: Bench) -> None:
    bench.run([order(1), BAD])
    bench.run([order(1), BAD])
    [entry] = list_quarantine(bench.store)
    assert entry.times >= 2


def test_a_record_that_comes_whole_leaves_quarantine(bench: Bench) -> None:
    bench.run([order(1), BAD])
    bench.run([order(1), order(2)])
    assert list_quarantine(bench.store) == []
    assert bench.ids() == ["o1", "o2"]


def test_the_part_with_a_rejected_record_is_read_again_twice_and_no_more(bench: Bench) -> None:
    bench.run([order(1)], [BAD], [order(90)])
    asked = []
    for _ in range(4):
        bench.platform.asked.clear()
        bench.run([BAD, order(90)])
        asked.append([cursor.until for cursor in bench.platform.asked])
    assert [len(cursors) for cursors in asked] == [2, 1, 1, 1]
    assert asked[0][0] is None
    assert asked[0][1] is not None


def test_a_platform_that_gave_garbage_once_loses_nothing(bench: Bench) -> None:
    bench.run([order(n) for n in range(20)], [BAD, *(order(n) for n in range(21, 40))])
    bench.platform.script["orders"] = []
    good = [order(n) for n in range(40)]
    # What it says now: nothing has changed since, but asked for that part again it gives it whole.
    bench.platform._pages = _by_time(bench, good)  # type: ignore[method-assign]
    bench.run()
    assert "o2" in bench.ids()
    assert list_quarantine(bench.store) == []


def _by_time(bench: Bench, payloads: list[dict[str, Any]]) -> Any:
    from datetime import datetime

    from crmsync.sdk import Cursor, Page

    def pages(name: str, since: Cursor) -> Any:
        wanted = [
            p
            for p in payloads
            if (since.at is None or datetime.fromisoformat(p["at"]) >= since.at)
            and (since.until is None or datetime.fromisoformat(p["at"]) < since.until)
        ]
        yield Page(wanted, Cursor(at=since.at))

    return pages


def test_replay_stores_what_is_understood_now(
    bench: Bench, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run([order(1), BAD, order(3, total="three")])
    real = type(bench.platform).orders.to_record

    def lenient(connector: Any, payload: Any) -> Any:
        if payload["total"] == "three":
            raise RecordError("still not a number", field="total")
        return real(connector, {**payload, "total": 12} if payload["total"] == "twelve" else payload)

    monkeypatch.setattr(type(bench.platform).orders, "to_record", lenient)
    result = replay(bench.store, bench.platform, target, bench.clock.now())
    assert (result.stored, result.rejected) == (1, 1)
    assert result.reasons == {"total: still not a number": 1}
    assert bench.ids() == ["o1", "o2"]
    assert [entry.external_id for entry in list_quarantine(bench.store)] == ["o3"]


def test_replay_of_a_mapping_still_broken_loses_nothing(bench: Bench, target: Target) -> None:
    bench.run([order(1), BAD])
    assert replay(bench.store, bench.platform, target, bench.clock.now()).rejected == 1
    assert len(list_quarantine(bench.store)) == 1


def test_drop_is_for_good_and_in_the_audit(bench: Bench) -> None:
    bench.run([order(1), BAD])
    [entry] = list_quarantine(bench.store)
    assert drop(bench.store, [entry.id, 999], "li", bench.clock.now()) == 1
    assert list_quarantine(bench.store) == []
    assert bench.rows("SELECT actor, action, object FROM audit") == [
        ("li", "quarantine_dropped", "orders/o2")
    ]


def test_an_entry_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(UsageError, match="no quarantined record 7"):
        payload_of(bench.store, 7)


def test_a_mapping_that_makes_another_kind_of_record_is_a_rejection(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Product(external_id="p", title="t")
    monkeypatch.setattr(type(bench.platform).orders, "to_record", lambda connector, payload: wrong)
    bench.run([order(1)])
    assert list_quarantine(bench.store)[0].reason == "TypeError: the mapping made a Product, not a Order"
