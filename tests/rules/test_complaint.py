"""Whom something went wrong for lately, of what type, and whether it is serious."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from crmsync_complaint.rule import Complaint
from hand_facts import NOW, facts, findings, rule, told
from histories import History, day

from crmsync.insight import load_facts, past_facts, refresh_facts
from crmsync.rules import judge_rules, standing_flags
from crmsync.sdk import Finding
from crmsync.store import Store


def customer(*troubles: tuple[float, str], **more: Any) -> dict[str, Any]:
    """A customer for whom something went wrong so many days ago: `refund product o7`."""
    stamps = [(NOW - timedelta(days=ago)).timestamp() for ago, _ in troubles]
    lines = [f"{round(at * 1e6)} {what}" for at, (_, what) in zip(stamps, troubles, strict=True)]
    return {"last_trouble_at": max(stamps, default=np.nan), "troubles": "\n".join(lines) or None, **more}


def judged(*rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
    return findings(rule(Complaint, **settings), facts("customer", list(rows)))


def test_a_recent_trouble_with_type_order_and_severity() -> None:
    found = judged(
        customer((2, "complaint product o 7"), complaints=1),
        customer((3, "review - o8"), bad_reviews=1),
        customer((31, "complaint product o7"), complaints=1),
        customer(),
    )
    assert {id: (f.state, f.level) for id, f in found.items()} == dict.fromkeys("01", ("ordinary", "medium"))
    assert told(found["0"]) == [
        "Complained on 2026-10-26 of the order o 7.",
        "It concerns the product.",
        "An ordinary complaint: listen, apologise, solve, follow up.",
    ]
    assert found["0"].reasons[0].evidence == ("o 7",)
    assert [(r.fact, r.value) for r in found["0"].reasons[1:]] == [
        ("type", "product"),
        ("severity", "ordinary"),
    ]
    assert told(found["1"])[0] == "Gave a bad review of the order o8 on 2026-10-25."
    assert found["0"].score > found["1"].score
    assert "投诉" in told(found["0"], "zh")[0]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (customer((2, "complaint contract -"), complaints=1), "Serious, by its type"),
        (customer((2, "complaint product o7"), (5, "review - o7")), "Serious, voiced in more than one way"),
        (
            customer((2, "complaint product o7"), complaints=2, bad_reviews=1),
            "Serious, after 2 troubles before",
        ),
    ],
    ids=["type", "kinds", "before"],
)
def test_what_makes_it_serious(row: dict[str, Any], why: str) -> None:
    (found,) = judged(row).values()
    assert (found.state, found.level) == ("serious", "high")
    assert told(found)[-1].startswith(why)
    assert found.reasons[-1].value == "serious"


def test_a_refund_counts_with_a_type_a_return_always() -> None:
    rows = [customer((2, f"{what} o1"), refunds=1) for what in ("refund -", "refund logistics", "return -")]
    assert list(judged(*rows)) == ["1", "2"]
    assert list(judged(*rows, refunds=True)) == ["0", "1", "2"]


@pytest.mark.postgres
def test_both_databases_know_the_last_trouble_of_each_kind(both_stores: tuple[Store, Store]) -> None:
    for store in both_stores:
        history = History(store)
        history.order("o1", "c1", 1)
        history.order("o2", "c1", 2, status="refunded", updated_at=day(3))
        history.order("o 3", "c1", 3)
        history.refund("r1", "o1", 4, type="logistics", kind="return")
        history.refund("r2", "o1", 9, status="refused", type="product")
        history.review("v1", "bad", "o 3", 5)
        history.review("v2", "good", "o1", 6)
        history.talk("t1", "c1", 7, type="service")
        history.talk("t2", "c1", 8, type="suggestion")
        history.order("o4", "c2", 3)
        history.save(touch="all")
        refresh_facts(store, day(10))

        def stamp(at: float) -> str:
            return f"{round(day(at).timestamp() * 1e6):017d}"

        for known, last in (
            (load_facts(store, "customer", day(10)), f"{stamp(7)} complaint service -\n"),
            (past_facts(store, "customer", day(6.5)), ""),
        ):
            texts = dict(zip(known.ids.tolist(), known["troubles"].tolist(), strict=True))
            assert texts == {
                "1": f"{stamp(4)} return logistics o1\n{stamp(5)} review - o 3\n{last}",
                "2": None,
            }
        assert load_facts(store, "customer", day(10))["last_trouble_at"][0] == day(7).timestamp()

        rules = {"complaint": rule(Complaint)}
        judge_rules(store, rules, day(10))
        (flag,) = standing_flags(store)
        assert (flag.subject_id, flag.state) == ("1", "serious")
        assert judge_rules(store, rules, day(40)).rules["complaint"].cleared == 1
