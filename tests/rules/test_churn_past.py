"""What churn_risk learns from the shop's own past, beyond its model."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import numpy as np
import pytest
from crmsync_churn_risk.risk import Risk
from crmsync_churn_risk.rule import ChurnRisk
from histories import START, day

from crmsync.rules.backtest.auc import areas
from crmsync.sdk import Facts, Model

AS_OF, END = 300, 390
History = list[list[int]]


def rhythmic(seed: int, size: int) -> History:
    """Days of purchases, far more regular than the model holds buyers to be; some leave."""
    chance = random.Random(seed)
    shop = []
    for _ in range(size):
        at, gap, leave = chance.uniform(0, 200), chance.uniform(10, 90), chance.betavariate(1, 3)
        days = [int(at)]
        while chance.random() >= leave and (at := at + gap * chance.uniform(0.9, 1.1)) < END:
            days.append(int(at))
        shop.append(days)
    return shop


def facts(shop: History, moment: datetime, *, kept: bool = True) -> Facts:
    """As of that moment; `kept` tells whether its own past can be asked for."""
    until = (moment - START) // timedelta(days=1)
    names = ("orders", "x", "t_x", "T", "net", "recency_days", "last_order_at", "mean_gap_days")
    rows = []
    for days in shop:
        known = [number for number in days if number <= until]
        first, last, x = (known[0], known[-1], len(known) - 1) if known else (np.nan, np.nan, -1)
        gap = (last - first) / x if x > 0 else np.nan
        at = START.timestamp() + last * 86_400
        rows.append((x + 1, max(x, 0), last - first, until - first, 100 * (x + 1), until - last, at, gap))
    columns = dict(zip(names, np.array(rows, float).T, strict=True))
    ids = np.array([str(number) for number in range(len(shop))], dtype=object)
    return Facts("customer", moment, ids, columns, (lambda then: facts(shop, then)) if kept else None)


@pytest.fixture(scope="module")
def shop() -> History:
    return rhythmic(1, 1500)


@pytest.fixture(scope="module")
def learned(shop: History) -> Model:
    return ChurnRisk(ChurnRisk.Settings()).fit(facts(shop, day(AS_OF)))


def test_what_the_model_misses_is_learned_and_ranks_better(shop: History, learned: Model) -> None:
    rule, now = ChurnRisk(ChurnRisk.Settings()), facts(shop, day(AS_OF))
    assert learned.diagnostics["adjusted"]
    plain = Risk.of({name: value for name, value in learned.parameters.items() if name != "adjustment"})
    rows = np.arange(len(shop))
    away = rule.happened(now, facts(shop, day(END))) > 0
    ahead = areas(rule.forecast(now, learned).score, plain.score(now, rows, 90.0), away).difference
    assert ahead.low > 0


def test_where_no_past_is_kept_the_model_stands(shop: History) -> None:
    model = ChurnRisk(ChurnRisk.Settings()).fit(facts(shop, day(AS_OF), kept=False))
    assert not model.diagnostics["adjusted"]
    assert "adjustment" not in model.parameters


def test_a_flag_says_that_the_past_was_heard(shop: History, learned: Model) -> None:
    rule = ChurnRisk(ChurnRisk.Settings())
    finding = next(iter(rule.judge(facts(shop, day(AS_OF)), learned)))
    told = finding.reasons[-1].told.text()
    assert "what the shop's last 90 days showed beyond it" in told
    assert finding.score == pytest.approx(finding.reasons[-1].value)


def test_one_time_buyers_are_never_certain_to_be_alive(shop: History, learned: Model) -> None:
    now = facts(shop, day(AS_OF))
    chance = ChurnRisk(ChurnRisk.Settings()).forecast(now, learned).chance
    assert chance is not None
    once = now["x"] == 0
    assert chance[once].min() > 0.01
    assert (
        Risk.of(learned.parameters).purchases.alive(*(now[name][once] for name in ("x", "t_x", "T"))).max()
        < 1
    )


def test_what_was_learned_survives_being_kept(shop: History, learned: Model) -> None:
    now, rows = facts(shop, day(AS_OF)), np.arange(len(shop))
    risk = Risk.of(learned.parameters)
    again = Risk.of(Risk.of(learned.parameters).parameters())
    assert again.score(now, rows, 90.0) == pytest.approx(risk.score(now, rows, 90.0))
