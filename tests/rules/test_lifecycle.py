"""Where a customer stands, and how they get from one state to the next."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from crmsync_lifecycle.customer_type import TRANSITIONS
from crmsync_lifecycle.rule import Lifecycle
from hand_facts import facts, findings, rule, told
from histories import START, History, day

from crmsync.insight import refresh_facts
from crmsync.rules import explain, judge_rules
from crmsync.sdk import Finding, Model
from crmsync.store import Store

DAY_ONE = START.timestamp() // 86_400


def customer(*days: int, now: int = 300, **more: Any) -> dict[str, Any]:
    """A customer with purchases on these days of the year, as of `now`."""
    gaps = [after - before for before, after in pairwise(days)]
    known = {
        "orders": len(days),
        "currency_orders": len(days),
        "gross": 1000 * len(days),
        "purchase_days": len(days),
        "last_three_average": 1000,
        "x": max(len(days) - 1, 0),
    }
    if days:
        known |= {
            "first_day": DAY_ONE + days[0],
            "last_day": DAY_ONE + days[-1],
            "t_x": days[-1] - days[0],
            "T": now - days[0],
            "recency_days": now - days[-1],
        }
    else:
        known |= {"recency_days": np.nan, "last_gap_days": np.nan}
    return {
        **known,
        "mean_gap_days": sum(gaps) / len(gaps) if gaps else np.nan,
        "gap_sd_days": float(np.std(gaps)) if len(gaps) > 1 else np.nan,
        "last_gap_days": gaps[-1] if gaps else np.nan,
        **more,
    }


def typed(*rows: dict[str, Any]) -> dict[str, Finding]:
    return findings(rule(Lifecycle, view="type"), facts("customer", list(rows)))


class TestType:
    def test_each_type(self) -> None:
        found = typed(
            customer(),
            customer(messages_received=2),
            customer(290),
            customer(250, 280),
            customer(20, 80, 140, 200, 260),
            customer(20, 60, 100),
            customer(20, 60, 270),
            customer(270, now=1000),
        )
        states = [found[id].state if id in found else None for id in map(str, range(8))]
        assert states == ["potential", "target", "first", "repeat", "loyal", "lost", "won_back", None]
        assert [id for id, finding in found.items() if finding.level != "low"] == ["5"]

    def test_reasons_do_not_move_with_the_days(self) -> None:
        found = typed(customer(20, 60, 100), customer(20, 60, 270), customer(20, 80, 140, 200, 260))
        assert told(found["0"]) == ["No purchase since 2026-04-11; lost after 180 days without one."]
        assert told(found["1"]) == ["Back on 2026-09-28 after 210 days away."]
        assert told(found["2"]) == ["5 purchases since 2026-01-21, one every 60 days, regularly."]
        assert "流失" in told(found["0"], "zh")[0]

    def test_irregular_or_short_is_repeat_and_not_loyal(self) -> None:
        found = typed(customer(20, 21, 22, 23, 200), customer(200, 220, 240, 260, 280))
        assert [finding.state for finding in found.values()] == ["repeat", "repeat"]

    def test_a_lost_customer_is_forgotten_later_than_lost(self) -> None:
        with pytest.raises(ValueError, match="longer than lost_after"):
            rule(Lifecycle, gone_after="90d")

    def test_lives_go_along_the_arrows(self) -> None:
        chance = random.Random(1)
        size, seen = 60, set[str | None]()
        lives, states, messages = [list[int]() for _ in range(size)], [None] * size, [0] * size
        for at in range(5, 3000, 5):
            for row, bought in enumerate(lives):
                if chance.random() < chance.choice([0.002, 0.1]):
                    bought.append(at)
                messages[row] += not bought and chance.random() < 0.05
            rows = [
                customer(*bought[-6:], now=at, messages_received=count)
                for bought, count in zip(lives, messages, strict=True)
            ]
            found = typed(*rows)
            now = [found[str(row)].state if str(row) in found else None for row in range(size)]
            for before, after in zip(states, now, strict=True):
                assert after == before or after in TRANSITIONS[before]
            seen.update(now)
            states = now
        assert seen == TRANSITIONS.keys()


class TestStage:
    def model(self) -> Model:
        chance = random.Random(3)
        shop = []
        for _ in range(600):
            at, days, gap = chance.randint(0, 250), [], chance.uniform(10, 60)
            while at < 300:
                days.append(at)
                if chance.random() < 0.25:
                    break
                at += max(1, int(chance.expovariate(1 / gap)))
            shop.append(customer(*(days or [200])))
        model = rule(Lifecycle).fit(facts("customer", shop))
        assert model
        assert model.kind == "mbgnbd"
        return model

    def judged(self, *rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
        return findings(rule(Lifecycle, **settings), facts("customer", list(rows)), self.model())

    def test_each_stage(self) -> None:
        found = self.judged(
            customer(),
            customer(295),
            customer(250, 270, 290),
            customer(20, 80, 140, 200, 260, 290),
            customer(20, 40, 60, 80, 100, 120),
        )
        assert {id: finding.state for id, finding in found.items()} == {
            "1": "exploration",
            "2": "build_up",
            "3": "stable",
            "4": "decline",
        }
        assert found["4"].level == "medium"
        assert told(found["4"]) == [
            "No purchase since 2026-05-01, after 6 of them: chance of still being a customer below 50%.",
            "Whether the customer needs less or buys elsewhere cannot be seen from here.",
        ]

    def test_decline_begins_at_any_stage(self) -> None:
        settled = customer(10, 50, 90, 130, 170, 210)
        found = self.judged(customer(10), customer(10, 30, 50), settled, alive=0.6)
        assert {finding.state for finding in found.values()} == {"decline"}

    def test_who_spends_far_less_is_in_decline_while_still_buying(self) -> None:
        often = customer(20, 80, 140, 200, 260, 290)
        found = self.judged({**often, "last_three_average": 400}, {**often, "last_three_average": 600})
        assert [finding.state for finding in found.values()] == ["decline", "stable"]
        assert told(found["0"])[0] == "The last three orders are worth 50% less than an order used to be."

    def test_a_decline_that_stands_is_kept_a_little_above(self) -> None:
        model = self.model()
        rows = [customer(20, 60, 100, 140, now=140 + silence) for silence in range(10, 150)]
        found = findings(rule(Lifecycle), facts("customer", rows), model)
        keeps = [finding.keeps for finding in found.values() if finding.state != "decline"]
        assert keeps[0] is None
        assert keeps[-1] == "decline"

    def test_without_a_model_silence_decides_and_says_so(self) -> None:
        few = facts("customer", [customer(20), customer(290)])
        plain = rule(Lifecycle)
        model = plain.fit(few)
        assert model
        assert model.refusal
        assert "after 180 days" in model.refusal.text()
        found = findings(plain, few, model)
        assert [finding.state for finding in found.values()] == ["decline", "exploration"]
        assert told(found["0"])[0] == "No purchase since 2026-01-21, for more than 180 days."

    def test_where_nobody_leaves_silence_decides(self) -> None:
        steady = [customer(*range(start, 300, 30)) for start in range(30)] * 8
        model = rule(Lifecycle).fit(facts("customer", steady))
        assert model
        assert model.kind == "silence"
        assert model.parameters["days"] == pytest.approx(30)


def test_the_way_of_a_customer_is_kept_as_history(store: Store, history: History) -> None:
    rules = {"kind": rule(Lifecycle, view="type", lost_after="60d", gone_after="200d")}

    def judged(at: float) -> None:
        history.save()
        refresh_facts(store, day(at))
        judge_rules(store, rules, day(at))

    for number, at in enumerate((10, 30)):
        history.order(f"o{number}", "c1", at)
        judged(at + 1)
    judged(100)
    history.order("o9", "c1", 110)
    for at in (111, 200, 400):
        judged(at)
    assert [(step.change, step.state) for step in explain(store, "customer", "1").history] == [
        ("raised", "first"),
        ("changed", "repeat"),
        ("changed", "lost"),
        ("changed", "won_back"),
        ("changed", "lost"),
        ("cleared", "lost"),
    ]
