"""What complaint_rate sees beyond a rate: a sudden rise, and the same fault reported by many."""

from __future__ import annotations

import random
from typing import Any

import pytest
from crmsync_complaint_rate.rule import ComplaintRate
from hand_facts import NOW, facts, findings, rule, told

from crmsync.sdk import Finding

WEEK = int(NOW.timestamp() // (7 * 86_400))


def product(before: tuple[int, int], recent: tuple[int, int], **more: Any) -> dict[str, Any]:
    """So many troubled of so many orders each in 20 earlier weeks, and in the last four weeks together."""
    lines = [f"{WEEK - 23 + number} {before[1]} {before[0]}" for number in range(20)]
    lines.append(f"{WEEK - 1} {recent[1]} {recent[0]}")
    hits, tries = 20 * before[0] + recent[0], 20 * before[1] + recent[1]
    return {"orders": tries, "troubled_orders": hits, "weekly": "\n".join(lines), **more}


QUIET = [product((0, 10), (1, 40), complaints_product=1, complaints=1)] * 30 + [
    product((1, 10), (3, 40))
] * 10


def judged(*rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
    complaints = rule(ComplaintRate, **settings)
    model = complaints.fit(facts("product", QUIET))
    return findings(complaints, facts("product", list(rows)), model)


def test_a_sudden_rise_against_its_own_past() -> None:
    found = judged(product((0, 10), (14, 40)), threshold=0.2)
    assert found["0"].state == "rise"
    assert found["0"].raises
    assert told(found["0"]) == [
        "14 of 240 orders had a bad review, a refund or a complaint: 5.8% (95 % interval 3.5% to 9.6%).",
        "A sudden rise: 14 of 40 orders of the last 4 weeks, 0 of 200 before; by chance < 0.01%.",
    ]
    assert "突然" in told(found["0"], "zh")[1]


@pytest.mark.parametrize(
    ("before", "recent"),
    [((0, 10), (2, 4)), ((4, 10), (14, 40)), ((0, 10), (7, 40)), ((0, 0), (14, 40))],
    ids=["too few", "always was", "still acceptable", "no past"],
)
def test_what_is_no_rise(before: tuple[int, int], recent: tuple[int, int]) -> None:
    assert not any(f.state == "rise" for f in judged(product(before, recent), threshold=0.2).values())


def test_other_readings_and_a_risk_of_0_watch_for_none() -> None:
    risen = product((0, 10), (14, 40))
    assert judged(risen, threshold=0.2, rise=0) == {}
    assert judged(risen, threshold=0.2, reading="returns") == {}


def test_chance_alone_makes_no_rise_of_many_products() -> None:
    chance = random.Random(5)

    def drawn() -> tuple[int, int]:
        return sum(chance.random() < 0.1 for _ in range(40)), 40

    shop = [product((1, 10), drawn()) for _ in range(400)]
    complaints = rule(ComplaintRate, threshold=0.15)
    given = facts("product", shop)
    found = findings(complaints, given, complaints.fit(given))
    assert sum(f.raises for f in found.values()) <= 1


def test_however_low_the_certainty_what_was_not_found_is_not_flagged() -> None:
    calm = product((0, 10), (1, 40))
    assert judged(calm, certainty=0.05, slack=0.1) == {}


def test_the_same_fault_reported_by_many() -> None:
    faulty = product((0, 10), (2, 40), complaints_logistics=12, complaints=13)
    few = product((0, 10), (2, 40), complaints_product=4, complaints=4)
    many = product((0, 10), (2, 40), complaints_product=20, complaints=20)
    found = judged(faulty, few, many, threshold=0.2)
    assert {id: f.state for id, f in found.items()} == {"2": "fault"}
    assert told(found["2"])[1].startswith(
        "20 complaints of the product itself in 240 orders (8.3%, usually 0."
    )
    assert judged(many, threshold=0.2, fault_reports=21) == {}


@pytest.mark.parametrize(
    ("reading", "counts"),
    [
        ("returns", {"returns": 9, "orders": 20}),
        ("exchanges", {"exchanges": 9, "orders": 20}),
        ("complaints", {"complaints_product": 4, "complaints_other": 5, "orders": 20}),
        ("product_complaints", {"complaints_product": 9, "orders": 20}),
        ("logistics_complaints", {"complaints_logistics": 9, "orders": 20}),
        ("service_complaints", {"complaints_service": 9, "orders": 20}),
        ("contract_complaints", {"complaints_contract": 9, "orders": 20}),
        ("suggestions", {"complaints_suggestion": 9, "orders": 20}),
        ("late_orders", {"late_orders": 9, "delivered_orders": 20}),
    ],
)
def test_readings_by_type(reading: str, counts: dict[str, int]) -> None:
    found = judged(counts, reading=reading)
    assert found["0"].reasons[0].told.text().startswith("9 ")
    assert found["0"].reasons[0].value == 0.45
    hit = next(name for name in counts if name not in ("orders", "delivered_orders"))
    assert judged({**counts, hit: 0, "complaints_other": 0}, reading=reading) == {}
