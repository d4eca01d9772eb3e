from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crmsync_service_scorecard.rule import ServiceScorecard
from hand_facts import facts, findings, rule, told

from crmsync.sdk import Finding


def agent(id: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"shop/{id}",
        "orders": 100,
        "currency": "CNY",
        "net": 500_000,
        "average_order": 5_000,
        "refund_rate": 0.05,
        "inquiries": 200,
        "consulted": 150,
        "answered": 190,
        "mean_response": 60,
        "conversion_rate": 0.3,
        "reviews": 50,
        "poor_review_rate": 0.1,
        "complaints_per_inquiry": 0.02,
        "scheduled_days": 20,
        "attendance_rate": 1.0,
        **more,
    }


TEAM = [agent("a"), agent("b", conversion_rate=0.32), agent("c", mean_response=70), agent("d", net=520_000)]
WEAK = agent("weak", conversion_rate=0.1, net=200_000, mean_response=300, poor_review_rate=0.4)
GOOD = agent("good", conversion_rate=0.5, net=900_000, mean_response=20, complaints_per_inquiry=0.001)


def judged(*rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
    card, given = rule(ServiceScorecard, **settings), facts("agent", list(rows))
    return findings(card, given, card.fit(given))


def test_agents_are_scored_against_their_teams_median() -> None:
    found = judged(*TEAM, WEAK, GOOD)
    assert {id.removeprefix("shop/"): (f.state, f.level) for id, f in found.items()} == {
        **dict.fromkeys("abcd", ("fair", "low")),
        "weak": ("weak", "high"),
        "good": ("good", "low"),
    }
    assert found["shop/a"].score == pytest.approx(50, abs=3)
    reasons = told(found["shop/weak"])
    assert reasons[0] == "A score of 20; the team's median agent has 50. Known of 4 of the 4 sides."
    assert "First reply after 300 s on average, the team's median is 60 s: 0 points." in reasons
    assert "转化" in "".join(told(found["shop/weak"], "zh"))


@pytest.mark.parametrize("side", ["attendance", "performance", "ability", "attitude"])
def test_each_side_counts_by_its_weight(side: str) -> None:
    bad = {
        "attendance": {"attendance_rate": 0.5},
        "performance": {"conversion_rate": 0.1, "net": 100_000},
        "ability": {"average_order": 1_000, "mean_response": 300, "refund_rate": 0.3},
        "attitude": {"poor_review_rate": 0.5, "complaints_per_inquiry": 0.2},
    }[side]
    alone = judged(*TEAM, agent("x", **bad), weights={side: 1})["shop/x"]
    others = [each for each in ("attendance", "performance", "ability", "attitude") if each != side]
    without = judged(*TEAM, agent("x", **bad), weights=dict.fromkeys(others, 1))["shop/x"]
    assert alone.score == 0
    assert without.score == pytest.approx(50, abs=2)


def test_too_little_evidence_leaves_an_indicator_out_and_one_side_is_no_score() -> None:
    few = agent("few", orders=5, reviews=2, consulted=3, answered=3, inquiries=3, scheduled_days=0)
    some = agent("some", orders=5, reviews=2, consulted=3, answered=30, inquiries=30, scheduled_days=0)
    found = judged(*TEAM, few, some)
    assert "shop/few" not in found
    assert told(found["shop/some"])[0].endswith("Known of 2 of the 4 sides.")


def test_two_agents_are_no_team() -> None:
    card, given = rule(ServiceScorecard), facts("agent", TEAM[:2])
    model = card.fit(given)
    assert model
    assert model.refusal
    assert findings(card, given, model) == {}


def test_agents_of_another_shop_are_another_team() -> None:
    rich = [{**agent("r", net=9_000_000), "id": f"other/{n}"} for n in range(3)]
    assert {f.state for f in judged(*TEAM, *rich).values()} == {"fair"}


def test_a_state_is_kept_within_the_slack() -> None:
    scores = {}
    for conversion in np.linspace(0.3, 0.5, 60):
        found = judged(*TEAM, agent("x", conversion_rate=conversion, net=560_000))["shop/x"]
        scores[found.score] = (found.state, found.keeps)
    assert {keeps for score, (_, keeps) in scores.items() if 57 <= score < 60} == {"good"}
    assert {keeps for score, (_, keeps) in scores.items() if score < 57 or score >= 60} == {None}


@pytest.mark.parametrize("weights", [{"ability": -1}, {"ability": 0}], ids=str)
def test_weights_weigh_something(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weights are 0 or more"):
        rule(ServiceScorecard, weights=weights)
