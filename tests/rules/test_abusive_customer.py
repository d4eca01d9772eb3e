from __future__ import annotations

from typing import Any

import pytest
from crmsync_abusive_customer.rule import AbusiveCustomer
from hand_facts import facts, findings, rule, told

from crmsync.sdk import Finding


def customer(refunds: int = 0, delivered: int = 0, bad: int = 0, reviews: int = 0) -> dict[str, Any]:
    return {
        "refunds_after_delivery": refunds,
        "delivered_orders": delivered,
        "bad_reviews": bad,
        "reviews": reviews,
    }


SHOP = [customer(0, 4, 0, 2)] * 80 + [customer(1, 6, 1, 3)] * 15 + [customer(2, 5, 2, 4)] * 5


def judged(*rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
    abusive = rule(AbusiveCustomer, **settings)
    model = abusive.fit(facts("customer", SHOP))
    assert model
    assert model.refusal is None
    return findings(abusive, facts("customer", list(rows)), model)


def test_far_more_than_usual_and_more_than_acceptable() -> None:
    enough = (customer(14, 15), customer(0, 0, 12, 12), customer(12, 12, 14, 14))
    found = judged(*enough, customer(3, 3), customer(2, 40))
    assert {id: f.level for id, f in found.items()} == {"0": "low", "1": "low", "2": "medium"}
    assert told(found["0"])[0].startswith("14 of 15 delivered orders were refunded after delivery (93%; here")
    assert told(found["0"])[-1].startswith("This is a pattern and no proof")
    assert "人" in told(found["0"], "zh")[-1]


def test_few_are_never_enough() -> None:
    assert judged(customer(3, 3), minimum=4, certainty=0, slack=0) == {}
    assert list(judged(customer(4, 4), minimum=4, certainty=0, slack=0)) == ["0"]


def test_a_shop_without_refunds_has_nothing_to_compare_with() -> None:
    model = rule(AbusiveCustomer).fit(facts("customer", [customer(0, 4)] * 50))
    assert model
    assert model.refusal
    assert findings(rule(AbusiveCustomer), facts("customer", [customer(9, 9)]), model) == {}


def test_its_flags_are_for_a_person() -> None:
    assert AbusiveCustomer.for_a_person


@pytest.mark.parametrize("refunds", range(5, 16))
def test_the_band_keeps_and_does_not_raise(refunds: int) -> None:
    for finding in judged(customer(refunds, 15)).values():
        assert finding.raises == (finding.score >= 0.95)
        assert finding.score >= 0.85
