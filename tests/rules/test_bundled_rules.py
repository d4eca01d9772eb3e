"""The bundled rules, on facts made by hand and on whole histories."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from crmsync_abusive_customer.rule import AbusiveCustomer
from crmsync_churn_risk.rule import ChurnRisk
from crmsync_complaint.rule import Complaint
from crmsync_complaint_rate.rule import ComplaintRate
from crmsync_cross_sell.rule import CrossSell
from crmsync_late_delivery.rule import LateDelivery
from crmsync_lifecycle.rule import Lifecycle
from crmsync_loyalty.rule import Loyalty
from crmsync_purchase_propensity.rule import PurchasePropensity
from crmsync_service_scorecard.rule import ServiceScorecard
from crmsync_vip.rule import Vip
from hand_facts import NOW, facts, findings, rule
from histories import History, random_history

from crmsync.insight import load_facts, past_facts, refresh_facts
from crmsync.plugins import load_plugins
from crmsync.rules import judge_rules, standing_flags
from crmsync.sdk import Facts, Finding, Model
from crmsync.sdk.stats import RatePrior
from crmsync.store import Store


def buyer(x: int, t_x: float, T: float) -> dict[str, Any]:
    return {
        "orders": x + 1,
        "x": x,
        "t_x": t_x,
        "T": T,
        "recency_days": T - t_x,
        "mean_gap_days": t_x / x if x else np.nan,
    }


def shop_of_buyers(seed: int, size: int, *, leaving: bool = True) -> list[dict[str, Any]]:
    """Customers who buy at their own rates and, unless `leaving` is off, leave with their own chance."""
    chance = random.Random(seed)
    rows = []
    for _ in range(size):
        T, now, times = chance.randint(150, 300), 0.0, []
        rate = chance.gammavariate(1, 0.04) if leaving else 0.03
        leave = chance.betavariate(1, 2) if leaving else 0
        while chance.random() >= leave and (now := now + chance.expovariate(rate)) < T:
            times.append(now)
        rows.append(buyer(len(times), int(times[-1]) if times else 0, T))
    return rows


class TestChurnRisk:
    def test_longer_silence_is_worse_and_one_time_buyers_are_ranked(self) -> None:
        churn = rule(ChurnRisk)
        model = churn.fit(facts("customer", shop_of_buyers(1, 1500)))
        assert model
        assert model.refusal is None
        judged = facts(
            "customer", [buyer(0, 0, 250), buyer(0, 0, 120), buyer(6, 100, 280), buyer(6, 275, 280)]
        )
        found = findings(churn, judged, model)
        assert found["0"].score > found["1"].score
        assert found["2"].level == "high"
        assert "3" not in found

    @pytest.mark.parametrize("size", [0, 50])
    def test_few_customers_are_refused(self, size: int) -> None:
        churn = rule(ChurnRisk)
        given = facts("customer", shop_of_buyers(1, size))
        model = churn.fit(given)
        assert model
        assert model.refusal
        assert f"{size} buyers" in model.refusal.text()
        assert findings(churn, given, model) == {}

    def test_a_shop_where_nobody_comes_back_is_refused(self) -> None:
        model = rule(ChurnRisk).fit(facts("customer", [buyer(0, 0, 200)] * 300))
        assert model
        assert model.kind == "none"

    def test_where_nobody_leaves_silence_is_compared_with_the_usual_gap(self) -> None:
        churn = rule(ChurnRisk)
        model = churn.fit(facts("customer", shop_of_buyers(2, 800, leaving=False)))
        assert model
        assert model.refusal
        assert model.diagnostics["degenerate"]
        assert model.kind == "recency"
        judged = facts("customer", [buyer(3, 100, 299), buyer(3, 290, 299)])
        found = findings(churn, judged, model)
        assert list(found) == ["0"]
        assert "come back within" in found["0"].reasons[-1].told.text()

    def test_the_band_below_the_threshold_keeps_and_does_not_raise(self) -> None:
        churn = rule(ChurnRisk)
        model = churn.fit(facts("customer", shop_of_buyers(1, 1500)))
        judged = facts("customer", [buyer(2, 60, 60 + silence) for silence in range(200)])
        chances = {
            finding.reasons[-1].value: finding.raises for finding in findings(churn, judged, model).values()
        }
        assert {chance >= 0.75 for chance, raises in chances.items() if raises} == {True}
        assert {0.70 <= chance < 0.75 for chance, raises in chances.items() if not raises} == {True}

    def test_reasons_read_well(self) -> None:
        churn = rule(ChurnRisk)
        model = churn.fit(facts("customer", shop_of_buyers(1, 1500)))
        found = findings(churn, facts("customer", [buyer(0, 0, 250), buyer(4, 80, 290)]), model)
        assert found["0"].reasons[0].told.text() == "Bought once, 250 days ago, and not since."
        told = [reason.told.text() for reason in found["1"].reasons]
        assert told[:2] == ["No order for 210 days.", "Usually buys every 20 days."]
        assert told[2].startswith("Expected purchases in the next 90 days: 0.0")


def product(hits: int, tries: int, **more: Any) -> dict[str, Any]:
    return {"orders": tries, "troubled_orders": hits, **more}


class TestComplaintRate:
    SHOP = tuple([product(1, 40)] * 20 + [product(0, 10)] * 30 + [product(3, 60)] * 10 + [product(20, 60)])

    def judged(self, *rows: dict[str, Any], **settings: Any) -> dict[str, Finding]:
        complaints = rule(ComplaintRate, **settings)
        model = complaints.fit(facts("product", list(self.SHOP)))
        assert model
        assert model.kind == "beta_binomial"
        return findings(complaints, facts("product", list(rows)), model)

    def test_a_rate_too_high_by_more_than_chance(self) -> None:
        found = self.judged(product(40, 60), product(20, 60), product(3, 30), product(1, 100))
        assert {id: finding.level for id, finding in found.items()} == {"0": "high", "1": "medium"}
        assert found["0"].score > found["1"].score

    def test_few_orders_never_make_a_flag(self) -> None:
        assert self.judged(product(30, 30), minimum=31) == {}
        assert list(self.judged(product(30, 30), minimum=30)) == ["0"]

    def test_it_takes_an_own_rate_above_the_threshold(self) -> None:
        complaints = rule(ComplaintRate, threshold=0.05)
        bad_lot = facts("product", [product(10, 50), product(11, 50)] * 20)
        model = complaints.fit(bad_lot)
        assert findings(complaints, facts("product", [product(0, 10)]), model) == {}

    def test_the_band_below_the_certainty_keeps_and_does_not_raise(self) -> None:
        raises = {
            finding.reasons[1].value: finding.raises
            for finding in self.judged(*[product(n, 60) for n in range(30)]).values()
        }
        assert {value >= 0.9 for value, raised in raises.items() if raised} == {True}
        assert {0.8 <= value < 0.9 for value, raised in raises.items() if not raised} == {True}

    def test_reasons_name_interval_type_and_evidence(self) -> None:
        found = self.judged(
            product(20, 60, complaints=9, complaints_product=7, complaints_logistics=2, evidence="o9\no 7")
        )
        first, second, third = found["0"].reasons
        assert first.told.text() == (
            "20 of 60 orders had a bad review, a refund or a complaint: 33.3% (95 % interval 22.7% to 45.9%)."
        )
        assert first.evidence == ("o9", "o 7")
        assert second.told.text() == "The true rate is above 8.0% with a probability of 99.9%."
        assert third.told.text() == "Most complaints concern the product: 7 of 9."

    def test_few_subjects_are_judged_by_their_own_counts(self) -> None:
        complaints = rule(ComplaintRate, subject="shop")
        given = facts("shop", [product(300, 1000), product(10, 1000)])
        model = complaints.fit(given)
        assert model
        assert model.kind == "jeffreys"
        assert model.refusal
        assert list(findings(complaints, given, model)) == ["0"]

    @pytest.mark.parametrize(
        ("reading", "counts"),
        [
            ("troubled_delivered", {"troubled_delivered": 9, "delivered_orders": 20}),
            ("refunded_orders", {"refunded_orders": 9, "orders": 20}),
            ("bad_reviews", {"bad_reviews": 9, "reviews": 20}),
            ("poor_reviews", {"bad_reviews": 4, "neutral_reviews": 5, "reviews": 20}),
            ("troubled_inquiries", {"troubled_inquiries": 9, "inquiries": 20}),
        ],
    )
    def test_other_readings_count_otherwise(self, reading: str, counts: dict[str, int]) -> None:
        complaints = rule(ComplaintRate, subject="agent", reading=reading)
        model = Model("jeffreys", RatePrior(0.5, (1.0,)).dumped())
        found = findings(complaints, facts("agent", [counts]), model)
        assert found["0"].reasons[0].told.text().startswith("9 of 20 ")


def spender(net: int, currency: str = "CNY") -> dict[str, Any]:
    return {"net": net, "currency": currency, "orders": 1}


class TestVip:
    SHOP = tuple(spender(100 * n) for n in range(1, 101))

    def test_tiers_by_net_spend(self) -> None:
        vip = rule(Vip)
        given = facts("customer", list(self.SHOP))
        found = findings(vip, given, vip.fit(given))
        raised = {id: finding.level for id, finding in found.items() if finding.raises}
        assert raised == {"99": "high", **{str(n): "medium" for n in range(80, 99)}}
        assert {id for id, finding in found.items() if not finding.raises} == {str(n) for n in range(72, 80)}
        told = [reason.told.text() for reason in found["99"].reasons]
        assert told == [
            "Spent CNY 100.00 net: among the top 1 % of 100 customers (from CNY 100.00).",
            "Here the top 20 % of customers bring 36% of net spend.",
        ]

    def test_currencies_have_pyramids_of_their_own(self) -> None:
        vip = rule(Vip, tiers={"top": "2%"})
        given = facts(
            "customer",
            [*self.SHOP, *(spender(n, "USD") for n in range(1, 101)), *(spender(10**9, "EUR"),) * 3],
        )
        model = vip.fit(given)
        assert model
        assert sorted(model.parameters) == ["CNY", "USD"]
        raised = [id for id, finding in findings(vip, given, model).items() if finding.raises]
        assert raised == ["98", "99", "198", "199"]

    def test_few_customers_are_refused(self) -> None:
        vip = rule(Vip)
        given = facts("customer", list(self.SHOP[:49]))
        model = vip.fit(given)
        assert model
        assert model.refusal
        assert findings(vip, given, model) == {}

    @pytest.mark.parametrize("tiers", [{}, {"top": 0}, {"top": 1}])
    def test_tiers_are_shares(self, tiers: dict[str, float]) -> None:
        with pytest.raises(ValueError, match="share of customers"):
            rule(Vip, tiers=tiers)


RULES = {
    "churn": rule(ChurnRisk, minimum_customers=10, minimum_repeat_buyers=3),
    "complaints": rule(ComplaintRate),
    "agents": rule(ComplaintRate, subject="agent"),
    "vip": rule(Vip, minimum_customers=5, ordinary=True),
    "stage": rule(Lifecycle, minimum_customers=5),
    "type": rule(Lifecycle, view="type", lost_after="60d"),
    "loyalty": rule(Loyalty, medium=2, purchases=3),
    "late": rule(LateDelivery, forget="300d"),
    "cross": rule(CrossSell, together=2, support=0, confidence=0, lift=1.01),
    "propensity": rule(PurchasePropensity, minimum_customers=50),
    "abusive": rule(AbusiveCustomer, minimum=3, refunds="1%", bad_reviews="1%", certainty="60%"),
    "complaint": rule(Complaint, within="300d"),
    "scorecard": rule(ServiceScorecard, minimum=1),
}


def test_every_bundled_rule_is_held_to_what_follows() -> None:
    assert {each.name for each in RULES.values()} == load_plugins().rules.keys()


def flags(store: Store) -> list[tuple[Any, ...]]:
    return [
        (flag.rule, flag.subject_id, flag.level, flag.score, [reason.told.text() for reason in flag.reasons])
        for flag in standing_flags(store)
    ]


@pytest.mark.postgres
def test_both_databases_give_the_same_flags(both_stores: tuple[Store, Store]) -> None:
    seen = []
    for store in both_stores:
        shop = History(store)
        random_history(shop, 11, 200)
        shop.save(touch="all")
        refresh_facts(store, NOW)
        result = judge_rules(store, RULES, NOW)
        assert not result.failed
        seen.append(flags(store))
    assert seen[0] == seen[1]
    assert {flag[0] for flag in seen[0]} == RULES.keys() - {"propensity"}


@pytest.mark.parametrize("seed", [12, 22, 32])
def test_changed_subjects_alone_get_the_flags_of_a_full_judging(
    store: Store, history: History, seed: int
) -> None:
    random_history(history, seed, 150)
    history.save(touch="all")
    refresh_facts(store, NOW)
    judge_rules(store, RULES, NOW)
    random_history(history, seed + 1, 20, first=200)
    history.save()
    refresh_facts(store, NOW)
    partial = judge_rules(store, RULES, NOW)
    assert not partial.rules["vip"].full
    incremental = flags(store)
    result = judge_rules(store, RULES, NOW, changed_only=False)
    assert not result.failed
    assert {(r.raised, r.changed, r.cleared) for r in result.rules.values()} == {(0, 0, 0)}
    assert flags(store) == incremental


def test_a_rule_that_reads_no_scores_finds_the_same_without_them(store: Store, history: History) -> None:
    random_history(history, 12, 150)
    history.save(touch="all")
    refresh_facts(store, NOW)
    own = [each for each in RULES.values() if each.subject == "customer" and not each.reads_scores]
    assert len(own) == 9
    whole = load_facts(store, "customer", NOW)
    bare = Facts(
        "customer",
        NOW,
        whole.ids,
        {name: column for name, column in whole.columns.items() if not name.endswith("_score")},
        lambda moment: past_facts(store, "customer", moment),
    )
    assert len(whole.columns) - len(bare.columns) == 3
    for each in own:
        model = each.fit(whole)
        assert list(each.judge(bare, model)) == list(each.judge(whole, model))
        assert each.fit(bare) == model


def test_a_rule_needs_only_the_columns_of_its_subject(store: Store, history: History) -> None:
    random_history(history, 1)
    history.save(touch="all")
    refresh_facts(store, NOW)
    for each in RULES.values():
        given = load_facts(store, each.subject, NOW)
        list(each.judge(given, each.fit(given)))
