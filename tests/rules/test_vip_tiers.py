"""vip by other measures than a pyramid of net spend: grades, forecasts, points; and ordinary customers."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any

import pytest
from crmsync_vip.rule import Vip
from hand_facts import facts, findings, rule, told
from histories import History, day

from crmsync.insight import refresh_facts
from crmsync.rules import explain, judge_rules
from crmsync.sdk import Facts
from crmsync.store import Store


def spender(net: int, currency: str = "CNY", **more: Any) -> dict[str, Any]:
    return {"net": net, "currency": currency, "orders": 1, "currency_orders": 1, "purchase_days": 1, **more}


SHOP = [spender(100 * n) for n in range(1, 101)]


def test_fixed_grades_by_amount() -> None:
    vip = rule(Vip, grades={"gold": 95, "silver": 50}, currency="CNY")
    given = facts("customer", [*SHOP, *(spender(10_000, "USD") for _ in range(60))])
    found = findings(vip, given, vip.fit(given))
    assert {id: f.state for id, f in found.items() if f.raises} == {
        **{str(n): "silver" for n in range(49, 94)},
        **{str(n): "gold" for n in range(94, 100)},
    }
    assert told(found["99"])[0] == "Spent CNY 100.00 net: gold from CNY 95.00."
    assert found["99"].level == "high"


@pytest.mark.parametrize(
    ("settings", "why"), [({"grades": {"gold": 5}}, "currency"), ({"grades": {"gold": 0}}, "above 0")]
)
def test_grades_need_a_currency_and_an_amount(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rule(Vip, **settings)


def test_points_are_earned_for_spend_orders_and_reviews() -> None:
    points = {"spent": 1, "order": 10, "review": 5}
    vip = rule(Vip, by="points", points=points, grades={"gold": 100})
    given = facts("customer", [*SHOP, spender(5_000, orders=4, reviews=2), spender(5_000, orders=4)])
    found = findings(vip, given, vip.fit(given))
    assert [id for id, f in found.items() if f.raises] == [*(str(n) for n in range(89, 100)), "100"]
    assert told(found["100"])[0] == "100 points: gold from 100."


def test_where_nobody_has_a_point_nobody_stands_out() -> None:
    tiers = {"top": "0.5%", "key": "20%"}
    vip = rule(Vip, by="points", points={"spent": 0, "review": 1}, tiers=tiers)
    given = facts("customer", SHOP)
    assert findings(vip, given, vip.fit(given)) == {}
    given = facts("customer", [*SHOP, spender(100, reviews=3)])
    found = findings(vip, given, vip.fit(given))
    assert {id: f.state for id, f in found.items()} == {"100": "top"}


def test_a_tier_that_stands_is_kept_a_little_below_its_cutoff(store: Store, history: History) -> None:
    rules = {"vip": rule(Vip, tiers={"top": "2%", "key": "20%"})}
    for number in range(100):
        history.order(f"o{number}", f"c{number}", 1, 1000 + 10 * number)

    def judged() -> list[tuple[str, str | None]]:
        history.save()
        refresh_facts(store, day(10))
        judge_rules(store, rules, day(10))
        return [(step.change, step.state) for step in explain(store, "customer", "100").history]

    assert judged() == [("raised", "top")]
    history.refund("r1", "o99", 2, 150)
    assert judged() == [("raised", "top")]
    history.refund("r2", "o99", 2, 100)
    assert judged() == [("raised", "top"), ("changed", "key")]


def test_the_curve_of_concentration_is_measured() -> None:
    vip = rule(Vip)
    model = vip.fit(facts("customer", SHOP))
    assert model
    curve = model.diagnostics["CNY"]
    assert curve["concentration"]["0.2"] == pytest.approx(sum(range(81, 101)) / 5050)
    assert curve["gini"] == pytest.approx(0.33, abs=0.001)
    even = vip.fit(facts("customer", [spender(500)] * 60))
    assert even
    assert even.diagnostics["CNY"]["gini"] == pytest.approx(0, abs=1e-9)


def test_nobody_is_dropped_for_being_small() -> None:
    def past(moment: datetime) -> Facts:
        return facts("customer", [spender(100 if n < 90 else 100 * n) for n in range(1, 101)], as_of=moment)

    vip, given = rule(Vip, ordinary=True), facts("customer", SHOP, past=past)
    found = findings(vip, given, vip.fit(given))
    assert len(found) == 100
    assert (found["3"].state, found["3"].level, found["3"].raises) == ("ordinary", "low", True)
    assert told(found["3"]) == [
        "An ordinary customer: those below the tiers bring 64% of all.",
        "Nobody is dropped for being small: 45% of those in the tiers today were below them 365 days ago.",
    ]
    assert (found["75"].state, found["75"].keeps) == ("ordinary", "key")


class TestForecast:
    def shop(self, size: int) -> list[dict[str, Any]]:
        chance = random.Random(4)
        rows = []
        for _ in range(size):
            rate, leave, worth = (
                chance.gammavariate(1, 0.05),
                chance.betavariate(1, 3),
                chance.gammavariate(4, 500),
            )
            at, days, total = chance.uniform(0, 100), list[int](), 0.0
            while at < 300:
                days.append(int(at))
                total += chance.gammavariate(3, worth / 3)
                if chance.random() < leave:
                    break
                at += 1 + chance.expovariate(rate)
            count = len(set(days))
            rows.append(
                spender(
                    round(total),
                    orders=len(days),
                    currency_orders=len(days),
                    purchase_days=count,
                    x=count - 1,
                    t_x=days[-1] - days[0],
                    T=300 - days[0],
                )
            )
        return rows

    def test_by_the_value_expected(self) -> None:
        vip, given = rule(Vip, by="forecast"), facts("customer", self.shop(800))
        model = vip.fit(given)
        assert model
        assert model.refusal is None
        found = findings(vip, given, model)
        raised = [id for id, f in found.items() if f.raises]
        assert len(raised) == 160
        assert told(found[raised[0]])[0].startswith("Expected to bring CNY ")
        gone = {**given.columns, "t_x": given["t_x"] * 0, "T": given["T"] + 900}
        left = Facts("customer", given.as_of, given.ids, gone)
        assert not any(f.raises for f in findings(vip, left, model).values())

    def test_where_it_is_not_usable_net_spend_decides_and_says_so(self) -> None:
        vip, given = rule(Vip, by="forecast"), facts("customer", SHOP)
        model = vip.fit(given)
        assert model
        assert model.refusal
        assert "net spend instead" in model.refusal.text()
        assert told(findings(vip, given, model)["99"])[0].startswith("Spent CNY 100.00 net: ")
