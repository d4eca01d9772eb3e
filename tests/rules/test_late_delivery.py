"""The promised time passes: flagged within minutes, before there is a review."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from crmsync_late_delivery.rule import LateDelivery
from hand_facts import NOW, facts, findings, rule, told
from histories import History, day

from crmsync.insight import refresh_facts
from crmsync.rules import judge_rules, standing_flags
from crmsync.store import Store


def awaited(overdue: timedelta, **more: Any) -> dict[str, Any]:
    return {"due_at": (NOW - overdue).timestamp(), "due_order": "o 7", **more}


def test_an_order_is_late_once_the_promised_time_and_the_grace_have_passed() -> None:
    given = facts(
        "customer",
        [
            awaited(timedelta(minutes=59)),
            awaited(timedelta(minutes=61)),
            awaited(timedelta(days=5), late_orders=2),
            awaited(timedelta(days=61)),
            awaited(-timedelta(days=1)),
            {"due_at": np.nan},
        ],
    )
    found = findings(rule(LateDelivery), given)
    assert {id: (f.level, f.score) for id, f in found.items()} == {"1": ("medium", 0), "2": ("high", 5)}
    assert told(found["1"]) == ["Order o 7 was promised by 2026-10-27 22:59 UTC and has not been delivered."]
    assert told(found["2"]) == [
        "Order o 7 was promised by 2026-10-23 00:00 UTC and has not been delivered: 5 days late.",
        "Not for the first time: 2 earlier orders came late as well.",
    ]
    assert found["2"].reasons[0].evidence == ("o 7",)


def test_the_grace_is_before_high_and_high_before_forget() -> None:
    with pytest.raises(ValueError, match="in this order"):
        rule(LateDelivery, grace="5d", high="1d")


def test_the_clock_alone_raises_it_and_the_delivery_clears_it(store: Store, history: History) -> None:
    rules = {"late": rule(LateDelivery)}

    def judged(at: float) -> list[str]:
        judge_rules(store, rules, day(at))
        return [flag.subject_id for flag in standing_flags(store)]

    promised = {"status": "shipped", "promised_at": day(5), "lines": ("p1",)}
    history.order("o1", "c1", 1, **promised)
    history.order("o2", "c2", 1, **promised)
    history.order("o3", "c3", 1, **{**promised, "promised_at": None})
    history.save()
    refresh_facts(store, day(2))
    assert judged(4.99) == []
    assert judged(5.03) == []
    assert judged(5.05) == ["1", "2"]
    with store.write() as connection:
        connection.exec_driver_sql(
            f"UPDATE \"order\" SET status = 'delivered', delivered_at = {round(day(6).timestamp() * 1e6)}"
            " WHERE external_id = 'o1'"
        )
    history.touched.add(("order", "o1"))
    history.save()
    refresh_facts(store, day(6))
    assert judged(6) == ["2"]


def test_who_cannot_be_late_is_not_read(store: Store, history: History) -> None:
    rules = {"late": rule(LateDelivery)}
    for account, promised in (("c1", 5), ("c2", 50), ("c3", 70), ("c4", 100)):
        history.order(f"o{account}", account, 1, status="shipped", promised_at=day(promised))
    history.save()
    refresh_facts(store, day(71))
    judged = judge_rules(store, rules, day(71)).rules["late"]
    assert (judged.full, judged.judged, judged.standing) == (True, 2, 2)
    # c2 is forgotten now, and c4 is late.
    judged = judge_rules(store, rules, day(111)).rules["late"]
    assert (judged.full, judged.judged, judged.raised, judged.cleared) == (True, 2, 1, 1)
    assert {flag.subject_id for flag in standing_flags(store)} == {"3", "4"}


def test_a_backtest_asks_those_with_an_open_order_alone() -> None:
    late = rule(LateDelivery)
    then = facts("customer", [awaited(timedelta(days=2)), awaited(-timedelta(days=2)), {"due_at": np.nan}])
    later = facts("customer", [{"bad_reviews": 1}, {}, {"complaints": 1}])
    outcome = late.happened(then, later)  # type: ignore[attr-defined]
    assert outcome[:2].tolist() == [1, 0]
    assert np.isnan(outcome[2])


def test_the_nearest_to_their_promised_time_are_ranked_first() -> None:
    then = facts("customer", [awaited(timedelta(days=days)) for days in (5, 1, -2, -9)])
    score = rule(LateDelivery).forecast(then, None).score  # type: ignore[attr-defined]
    assert np.argsort(-score).tolist() == [1, 2, 0, 3]


DUE = round((NOW - timedelta(days=5)).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (f"{DUE + 9} review - o 7", True),
        (f"{DUE - 9} complaint logistics o 7", True),
        (f"{DUE + 9} complaint logistics -", True),
        (f"{DUE - 9} complaint logistics -", False),
        (f"{DUE + 9} review - o 8", False),
        ("", False),
    ],
)
def test_who_has_complained_of_the_order_is_the_complaints_concern(trouble: str, said: bool) -> None:
    given = facts("customer", [awaited(timedelta(days=5), troubles=trouble)])
    late = rule(LateDelivery)
    assert bool(findings(late, given)) is not said
    outcome = late.happened(given, facts("customer", [{"bad_reviews": 1}]))  # type: ignore[attr-defined]
    assert np.isnan(outcome[0]) == said


def test_what_is_forgotten_is_in_no_backtest() -> None:
    given = facts("customer", [awaited(timedelta(days=61))])
    outcome = rule(LateDelivery).happened(given, facts("customer", [{}]))  # type: ignore[attr-defined]
    assert np.isnan(outcome[0])


def test_a_bad_review_of_it_clears_the_flag(store: Store, history: History) -> None:
    rules = {"late": rule(LateDelivery)}
    for account in ("c1", "c2"):
        history.order(f"o{account}", account, 1, status="shipped", promised_at=day(5), lines=("p1",))
    history.save()
    refresh_facts(store, day(6))
    judge_rules(store, rules, day(6))
    assert len(standing_flags(store)) == 2
    history.review("r1", "bad", "oc1", 6)
    history.save()
    refresh_facts(store, day(7))
    judged = judge_rules(store, rules, day(6) + timedelta(minutes=5)).rules["late"]
    assert (judged.full, judged.judged, judged.cleared) == (False, 1, 1)
