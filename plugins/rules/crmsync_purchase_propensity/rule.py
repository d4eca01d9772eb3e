"""Who will probably buy soon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import Logistic, fit_logistic
from crmsync_purchase_propensity.propensity import bought_since, buyers, evidence
from crmsync_purchase_propensity.settings import PurchasePropensitySettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOO_FEW = mark(
    "{buyers} had bought {days} days ago, {bought} of them have bought since: not enough to learn from."
)
NO_PAST = mark("What was known {days} days ago cannot be told: nothing to learn from.")
CHANCE = mark("Chance of a purchase in the next {horizon} days: {chance} (flagged from {threshold}).")
HABIT = mark("{purchases} purchases so far, the last {days} days ago.")
LEARNED = mark("Of customers here {base} bought within such a time.")


class PurchasePropensity(Rule[PurchasePropensitySettings], Predicts):
    """Customers who will probably buy within the horizon, the likeliest first."""

    name = "purchase_propensity"
    title = "Purchase propensity"
    Settings = PurchasePropensitySettings
    reads_scores = False
    outcome = mark("a purchase within the horizon")
    thumb = mark("the number of orders so far, the most recent buyers first among equals")

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def horizon(self) -> timedelta:
        return self.settings.horizon

    def over(self, horizon: timedelta) -> Self:
        return type(self)(self.settings.model_copy(update={"horizon": horizon}))

    def fit(self, facts: Facts) -> Model:
        then = facts.earlier(facts.as_of - self.settings.horizon)
        days = self.settings.horizon.days
        if then is None:
            return Model("none", refusal=Told(NO_PAST, {"days": days}))
        rows = buyers(then)
        outcome = bought_since(then, facts)[rows]
        bought = int(outcome.sum())
        counts = {"buyers": len(rows), "bought": bought, "days": days}
        if len(rows) < self.settings.minimum_customers or (
            min(bought, len(rows) - bought) < self.settings.minimum_of_each
        ):
            return Model("none", diagnostics={**counts}, refusal=Told(TOO_FEW, {**counts}))
        found = fit_logistic(evidence(then, rows, self._days), outcome)
        chance = found.chance(evidence(then, rows, self._days))
        base = bought / len(rows)
        return Model(
            "logistic",
            {"intercept": found.intercept, "centre": found.centre, "weights": found.weights, "base": base},
            {**counts, "brier": float(((chance - outcome) ** 2).mean()), "brier_of_base": base * (1 - base)},
        )

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        rows, settings = buyers(facts), self.settings
        chance = _logistic(model).chance(evidence(facts, rows, self._days))
        worth = chance >= settings.medium - settings.slack
        for row, value in zip(rows[worth].tolist(), chance[worth].tolist(), strict=True):
            level: Level = "high" if value >= settings.high else "medium"
            reasons = self._reasons(facts, row, value, model)
            yield Finding(facts.ids[row], level, value, reasons, raises=value >= settings.medium)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        chance = np.full(len(facts), np.nan)
        if model is None or model.kind == "none":
            return Forecast(chance)
        rows = buyers(facts)
        chance[rows] = _logistic(model).chance(evidence(facts, rows, self._days))
        return Forecast(chance, chance)

    def thumb_score(self, facts: Facts) -> Array:
        return facts["orders"] + 1 / (2 + facts["recency_days"])

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        return np.where(then["orders"] > 0, bought_since(then, later), np.nan)

    @property
    def _days(self) -> float:
        return self.settings.horizon.total_seconds() / 86_400

    def _reasons(self, facts: Facts, row: int, chance: float, model: Model) -> tuple[Reason, ...]:
        threshold, days = self.settings.medium, int(facts["recency_days"][row])
        purchases, base = int(facts["purchase_days"][row]), model.parameters["base"]
        told = {"chance": f"{chance:.0%}", "threshold": f"{threshold:.0%}"}
        ahead = Told(CHANCE, {"horizon": self.settings.horizon.days, **told})
        return (
            Reason("chance", chance, ahead, threshold=threshold),
            Reason("purchase_days", purchases, Told(HABIT, {"purchases": purchases, "days": days})),
            Reason("base", base, Told(LEARNED, {"base": f"{base:.0%}"})),
        )


def _logistic(model: Model) -> Logistic:
    names = ("intercept", "centre", "weights")
    return Logistic(**{name: model.parameters[name] for name in names})
