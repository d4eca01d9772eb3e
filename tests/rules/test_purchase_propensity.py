from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from crmsync_purchase_propensity.rule import PurchasePropensity
from hand_facts import facts, findings, rule, told
from histories import START, day

from crmsync.rules.backtest.auc import areas
from crmsync.rules.backtest.measure import calibration
from crmsync.sdk import Facts, Model

NOW, END = 300, 330
Shop = list[list[int]]


def shop(seed: int, size: int) -> Shop:
    """Customers with their own rates, who leave with their own chance."""
    chance = random.Random(seed)
    lives = []
    for _ in range(size):
        at, rate, leave = chance.uniform(0, 250), chance.gammavariate(1, 0.05), chance.betavariate(1, 4)
        days = [int(at)]
        while chance.random() >= leave and (at := at + chance.expovariate(rate)) < END:
            days.append(int(at))
        lives.append(days)
    return lives


def known(lives: Shop, moment: datetime, *, kept: bool = True) -> Facts:
    until = (moment - START) // timedelta(days=1)
    rows = []
    for days in lives:
        bought = [number for number in days if number <= until]
        row: dict[str, Any] = {"recency_days": np.nan, "mean_gap_days": np.nan, "average_order": np.nan}
        if bought:
            x = len(bought) - 1
            row = {
                "orders": x + 1,
                "purchase_days": x + 1,
                "x": x,
                "T": until - bought[0],
                "recency_days": until - bought[-1],
                "mean_gap_days": (bought[-1] - bought[0]) / x if x else np.nan,
                "average_order": 1000,
                "products": 1,
                "last_order_at": START.timestamp() + bought[-1] * 86_400,
            }
        rows.append(row)
    return facts("customer", rows, as_of=moment, past=(lambda then: known(lives, then)) if kept else None)


@pytest.fixture(scope="module")
def lives() -> Shop:
    return shop(1, 3000)


@pytest.fixture(scope="module")
def learned(lives: Shop) -> Model:
    model = rule(PurchasePropensity).fit(known(lives, day(NOW)))
    assert model
    assert model.kind == "logistic"
    return model


def test_the_chances_come_true_and_rank_better_than_the_rule_of_thumb(lives: Shop, learned: Model) -> None:
    propensity: Any = rule(PurchasePropensity)
    now, later = known(lives, day(NOW)), known(lives, day(END))
    chance = propensity.forecast(now, learned).chance
    outcome = propensity.happened(now, later)
    told = ~np.isnan(outcome)
    assert areas(chance[told], propensity.thumb_score(now)[told], outcome[told] > 0).difference.low > 0
    for group in calibration(chance[told], outcome[told] > 0):
        assert group.happened == pytest.approx(group.chance, abs=4 * (0.25 / group.n) ** 0.5)


def test_flags_those_who_will_probably_buy(lives: Shop, learned: Model) -> None:
    now = known(lives, day(NOW))
    found = findings(rule(PurchasePropensity), now, learned)
    assert 0 < len(found) < len(lives) / 2
    assert {f.level == "high" for f in found.values() if f.score >= 0.7} == {True}
    assert {f.raises for f in found.values() if f.score < 0.5} <= {False}
    first = next(iter(found.values()))
    assert told(first)[0].startswith("Chance of a purchase in the next 30 days: ")
    assert "概率" in told(first, "zh")[0]


@pytest.mark.parametrize(("size", "kept", "why"), [(50, True, "not enough"), (300, False, "cannot be told")])
def test_too_little_is_refused(size: int, kept: bool, why: str) -> None:
    propensity, now = rule(PurchasePropensity), known(shop(2, size), day(NOW), kept=kept)
    model = propensity.fit(now)
    assert model
    assert model.refusal
    assert why in model.refusal.text()
    assert findings(propensity, now, model) == {}


def test_where_everybody_comes_back_there_is_nothing_to_learn() -> None:
    steady = [list(range(start, END, 10)) for start in range(10)] * 40
    model = rule(PurchasePropensity).fit(known(steady, day(NOW)))
    assert model
    assert model.refusal
    assert "400 of them have bought since" in model.refusal.text()
