"""A rule put back in time: on what was known then, against what came; the same on both databases."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from crmsync_churn_risk.rule import ChurnRisk
from crmsync_complaint_rate.rule import ComplaintRate
from crmsync_cross_sell.rule import CrossSell
from crmsync_late_delivery.rule import LateDelivery
from crmsync_loyalty.rule import Loyalty
from crmsync_purchase_propensity.rule import PurchasePropensity
from crmsync_vip.rule import Vip
from histories import START, History, day

from crmsync.rules.backtest import Replay, gains_chart, last_backtests, replay, store_backtest
from crmsync.sdk import Facts, Finding, Forecast, Model, NotEnoughEvidence, Rule, Settings, UsageError
from crmsync.store import Store
from crmsync.store import tables as t

NOW = day(420)
AS_OF = day(300)
HORIZON = timedelta(days=90)


def shop(history: History, seed: int, size: int, *, leaving: bool = True, until: float = 400) -> None:
    """Customers who buy at their own rates and, unless `leaving` is off, leave with their own chance."""
    chance = random.Random(seed)
    for number in range(size):
        at = chance.uniform(0, 200)
        rate = chance.gammavariate(1, 0.04) if leaving else 0.04
        leave = chance.betavariate(1, 2) if leaving else 0
        order = 0
        while at < until:
            history.order(f"o{number}-{order}", f"c{number}", at, chance.randint(500, 5000), ("p1",))
            order += 1
            if chance.random() < leave:
                break
            at += 1 + chance.expovariate(rate)
    history.save()


def churn(store: Store, as_of: datetime = AS_OF, **options: Any) -> Replay:
    rule = ChurnRisk(ChurnRisk.Settings())
    return replay(store, "churn", rule, **{"as_of": as_of, "now": NOW, "horizon": HORIZON, **options})


def test_a_ranking_held_to_what_happened(store: Store, history: History) -> None:
    shop(history, 1, 200)
    made = churn(store)
    (window,) = made.windows
    everyone = window.groups["all"]
    repeat, once = window.groups["repeat"], window.groups["once"]
    assert everyone.n == repeat.n + once.n == 200
    assert everyone.happened == repeat.happened + once.happened
    assert made.overall
    assert min(made.overall.auc, made.overall.thumb_auc) > 0.7
    assert everyone.rule.precision > everyone.base_rate  # type: ignore[operator]
    assert everyone.everyone.precision == everyone.base_rate
    assert sum(each.n for each in everyone.calibration) == 200
    assert window.refused is None


def test_the_ranking_says_the_same_on_both_databases(both_stores: tuple[Store, Store]) -> None:
    made = []
    for one in both_stores:
        shop(History(one), 2, 130)
        made.append(churn(one))
    assert made[0] == made[1]


def test_what_comes_later_changes_outcomes_but_no_score(store: Store, history: History) -> None:
    scores = []

    class Spy(ChurnRisk):
        def forecast(self, facts: Facts, model: Model | None) -> Forecast:
            found = super().forecast(facts, model)
            scores.append((found.score.tolist(), model))
            return found

    shop(history, 3, 130, until=300)
    spy = Spy(Spy.Settings())
    before = replay(store, "churn", spy, as_of=AS_OF, now=NOW, horizon=HORIZON)
    for number in range(130):
        history.order(f"later{number}", f"c{number}", 310)
    history.save()
    after = replay(store, "churn", spy, as_of=AS_OF, now=NOW, horizon=HORIZON)
    assert scores[0] == scores[1]
    assert before.windows[0].groups["all"].happened == 130
    assert after.windows[0].groups["all"].happened == 0


def test_what_we_learned_later_is_not_used(store: Store, history: History) -> None:
    shop(history, 4, 130)
    for number in range(130):
        history.order(f"slow{number}", f"c{number}", 299, learned_at=day(310))
    history.save()
    (window,) = churn(store).windows
    assert window.known == "learned"
    assert window.groups["once"].n > 0


def test_an_imported_history_goes_by_its_own_times(store: Store, history: History) -> None:
    shop(history, 5, 130)
    with store.write() as connection:
        connection.exec_driver_sql(f'UPDATE "order" SET learned_at = {round(NOW.timestamp() * 1e6)}')
    (window,) = churn(store).windows
    assert window.known == "imported"
    assert window.groups["all"].n == 130


def test_again_while_the_outcome_is_known(store: Store, history: History) -> None:
    shop(history, 6, 130, until=380)
    made = churn(store, day(200), every=timedelta(days=30))
    assert [window.as_of for window in made.windows] == [day(200), day(230), day(260)]
    assert made.overall
    aucs = [window.groups["all"].rule.auc.value for window in made.windows]  # type: ignore[union-attr]
    assert made.overall.auc == pytest.approx(sum(aucs) / 3)


def test_a_tiny_shop_is_refused_with_the_reason(store: Store, history: History) -> None:
    shop(history, 7, 50)
    made = churn(store)
    assert made.verdict == "refused"
    assert made.windows[0].groups == {}
    assert made.refused
    assert made.refused.text().startswith("50 buyers")


def test_buyers_at_a_constant_rate_are_refused_with_the_reason(store: Store, history: History) -> None:
    shop(history, 8, 300, leaving=False)
    made = churn(store)
    assert made.refused
    assert made.refused.text().startswith("The purchase model does not fit this shop")
    assert made.windows[0].model == "recency"
    assert made.verdict != "better"
    assert made.windows[0].groups["all"].calibration == ()


def test_too_few_who_leave_to_measure(store: Store, history: History) -> None:
    shop(history, 9, 300, until=300)
    for number in range(295):
        history.order(f"later{number}", f"c{number}", 310)
    history.save()
    made = churn(store)
    assert made.verdict == "refused"
    assert made.refused
    assert made.refused.text().startswith("5 of 300")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"as_of": day(400)}, UsageError, "not known before"),
        ({"as_of": START - timedelta(days=9)}, NotEnoughEvidence, "No order is older"),
        ({"every": timedelta(hours=1)}, UsageError, "a day at least"),
    ],
)
def test_what_cannot_be_asked(
    store: Store, history: History, options: dict[str, Any], error: type[Exception], told: str
) -> None:
    history.order("o1", "c1", 1)
    history.save()
    with pytest.raises(error, match=told):
        churn(store, **options)


class Silent(Rule[Settings]):
    """Predicts nothing."""

    name = "silent"
    title = "Silent"
    Settings = Settings
    subject = "customer"

    def judge(self, facts: Facts, model: Model | None) -> list[Finding]:
        return []


def test_a_rule_that_predicts_nothing(store: Store) -> None:
    with pytest.raises(UsageError, match="predicts nothing"):
        replay(store, "silent", Silent(Settings()), as_of=AS_OF, now=NOW)


def test_vip_does_not_beat_the_spend_it_goes_by(store: Store, history: History) -> None:
    shop(history, 10, 300)
    made = replay(store, "vip", Vip(Vip.Settings()), as_of=AS_OF, now=NOW, horizon=HORIZON)
    assert made.verdict == "unproven"
    assert made.overall
    assert made.overall.auc == made.overall.thumb_auc > 0.6
    assert made.windows[0].groups["all"].happened == 52


def test_complaint_rates_against_raw_ones(store: Store, history: History) -> None:
    chance = random.Random(11)
    for number in range(60):
        bad = chance.betavariate(2, 12)
        for order in range(chance.randint(14, 40)):
            id = f"o{number}-{order}"
            at = chance.uniform(0, 390)
            history.order(id, f"c{number}", at, 1000, (f"p{number}",))
            if chance.random() < bad:
                history.review(f"v{id}", "bad", id, at)
    history.save()
    rule = ComplaintRate(ComplaintRate.Settings(threshold="12%"))
    made = replay(store, "products", rule, as_of=day(200), now=NOW, horizon=timedelta(days=190))
    assert made.subject == "product"
    assert made.overall
    assert made.overall.auc > 0.6
    assert 30 < made.windows[0].groups["all"].n <= 60


@pytest.mark.parametrize("kind", [Loyalty, PurchasePropensity])
def test_who_buys_again_against_the_number_of_orders(
    store: Store, history: History, kind: type[Rule[Any]]
) -> None:
    shop(history, 14, 350)
    made = replay(store, "rule", kind(kind.Settings()), as_of=AS_OF, now=NOW, horizon=timedelta(days=60))
    assert made.overall
    assert made.overall.auc > 0.6
    assert bool(made.windows[0].groups["all"].calibration) == (kind is PurchasePropensity)


def test_late_deliveries_against_complaints_so_far(store: Store, history: History) -> None:
    for number in range(60):
        late = number % 2
        due = day(298 if late else 310)
        history.order(f"o{number}", f"c{number}", 295, status="shipped", promised_at=due)
        if late and number % 3:
            history.review(f"v{number}", "bad", f"o{number}", 305)
    history.order("o99", "c99", 290)
    history.save()
    made = replay(store, "late", LateDelivery(LateDelivery.Settings()), as_of=AS_OF, now=NOW)
    everybody = made.windows[0].groups["all"]
    assert (everybody.n, everybody.happened, everybody.rule.flagged) == (60, 20, 30)
    assert made.verdict == "better"


def test_pairs_of_products_against_orders_with_both(store: Store, history: History) -> None:
    def sell(*products: str, at: float, times: int) -> None:
        for _ in range(times):
            history.order(f"o{len(history.rows[t.Order])}", None, at, lines=products)

    for pair in range(30):
        a, b, lasting = f"a{pair}", f"b{pair}", pair % 2
        sell(a, b, at=100, times=12)
        for alone in (a, b):
            sell(alone, at=100, times=0 if lasting else 18)
        sell(*((a, b) if lasting else (a,)), at=320, times=6)
        if not lasting:
            sell(b, at=320, times=6)
    history.save()
    made = replay(
        store, "cross", CrossSell(CrossSell.Settings()), as_of=AS_OF, now=NOW, horizon=timedelta(days=60)
    )
    everybody = made.windows[0].groups["all"]
    assert (everybody.n, everybody.happened) == (60, 30)
    assert made.verdict == "better"


def test_the_last_one_of_each_rule_is_kept(store: Store, history: History) -> None:
    shop(history, 12, 130)
    made = churn(store)
    store_backtest(store, churn(store, day(250)), "d0", day(401))
    store_backtest(store, made, "d1", day(402))
    (known,) = last_backtests(store).values()
    assert (known.rule, known.ran_at, known.settings_digest) == ("churn", day(402), "d1")
    assert (known.first_as_of, known.last_as_of, known.horizon_days) == (AS_OF, AS_OF, 90)
    assert (known.auc, known.verdict) == (pytest.approx(made.overall.auc), made.verdict)  # type: ignore[union-attr]
    assert "days since the last order" in known.told("en")
    assert "AUC" in known.told("zh")


def test_why_nothing_could_be_measured_is_kept(store: Store, history: History) -> None:
    shop(history, 13, 50)
    store_backtest(store, churn(store), "d", NOW)
    known = last_backtests(store)["churn"]
    assert known.auc is None
    assert known.told("en").startswith("Could not be measured: 50 buyers")


def test_a_chart_has_every_curve_and_no_markup_of_others() -> None:
    drawn = gains_chart("a < b", [("the rule", (0, 0.6, 1)), ("<thumb>", (0, 0.5, 1))])
    assert drawn.count("<polyline") == 2
    assert "a &lt; b" in drawn
    assert "&lt;thumb&gt;" in drawn
