"""Who will probably not buy again soon."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import fit_purchases
from crmsync_churn_risk.risk import Risk, buyers, came_back, learn
from crmsync_churn_risk.settings import ChurnRiskSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Of all repeat buyers, this many have a shorter rhythm: a longer silence is unusual.
_QUANTILES = {"medium": 0.9, "high": 0.975}

TOO_FEW = mark("{buyers} buyers, {repeat} of them more than once, over {days} days: not enough to judge by.")
DEGENERATE = mark(
    "The purchase model does not fit this shop (nobody seems to leave, or nobody differs); "
    "the time since the last order is compared with the usual time between purchases instead."
)
SILENT = mark("No order for {days} days.")
ONCE = mark("Bought once, {days} days ago, and not since.")
RHYTHM = mark("Usually buys every {gap} days.")
EXPECTED = mark(
    "Expected purchases in the next {horizon} days: {expected}. Chance of none: {chance}"
    " (flagged from {threshold})."
)
ADJUSTED = mark(
    "Chance of no purchase in the next {horizon} days: {chance} (flagged from {threshold}), by the purchase"
    " model and what the shop's last {window} days showed beyond it."
)
UNUSUAL = mark("{share} of this shop's repeat buyers come back within {days} days.")


class ChurnRisk(Rule[ChurnRiskSettings], Predicts):
    """Customers who will probably not buy within the horizon (流失风险), most at risk first."""

    name = "churn_risk"
    title = "Churn risk"
    Settings = ChurnRiskSettings
    reads_scores = False
    version = 2
    outcome = mark("no purchase within the horizon")
    thumb = mark("days since the last order")

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def horizon(self) -> timedelta:
        return self.settings.horizon

    def over(self, horizon: timedelta) -> Self:
        return type(self)(self.settings.model_copy(update={"horizon": horizon}))

    def fit(self, facts: Facts) -> Model:
        import numpy as np

        settings, rows = self.settings, buyers(facts)
        x, t_x, T = (facts[name][rows] for name in ("x", "t_x", "T"))
        evidence = {
            "buyers": len(x),
            "repeat": int((x > 0).sum()),
            "days": int(T.max()) if len(T) else 0,
        }
        if (
            evidence["buyers"] < settings.minimum_customers
            or evidence["repeat"] < settings.minimum_repeat_buyers
            or evidence["days"] < settings.minimum_history.days
        ):
            return Model("none", diagnostics=evidence, refusal=Told(TOO_FEW, {**evidence}))
        found = fit_purchases(x, t_x, T, settings.model)
        risk = learn(facts, found, self._days_ahead, settings.minimum_customers)
        diagnostics = {
            **evidence,
            "log_likelihood": found.log_likelihood,
            "converged": found.converged,
            "degenerate": found.degenerate,
            "adjusted": risk.adjustment is not None,
        }
        if found.converged and not found.degenerate:
            return Model(found.kind, risk.parameters(), diagnostics)
        gaps = facts["mean_gap_days"][facts["x"] > 0]
        cutoffs = {level: float(np.quantile(gaps, share)) for level, share in _QUANTILES.items()}
        return Model("recency", {**cutoffs, "ranking": risk.parameters()}, diagnostics, Told(DEGENERATE))

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        rows = buyers(facts)
        if model.kind == "recency":
            yield from self._by_silence(facts, rows, model)
            return
        risk = Risk.of(model.parameters)
        chance, score, expected = (
            of(facts, rows, self._days_ahead) for of in (risk.none, risk.score, risk.expected)
        )
        worth = chance >= self.settings.medium - self.settings.slack
        told = (chance, score, expected)
        for (customer, silence), none, place, purchases in zip(
            _silences(facts, rows[worth]), *(column[worth].tolist() for column in told), strict=True
        ):
            reason = self._reason(risk, none, purchases)
            level: Level = "high" if none >= self.settings.high else "medium"
            yield Finding(customer, level, place, (*silence, reason), raises=none >= self.settings.medium)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        score, chance = np.full(len(facts), np.nan), np.full(len(facts), np.nan)
        if model is None or model.kind == "none":
            return Forecast(score)
        rows = buyers(facts)
        usable = model.kind != "recency"
        risk = Risk.of(model.parameters if usable else model.parameters["ranking"])
        score[rows] = risk.score(facts, rows, self._days_ahead)
        chance[rows] = risk.none(facts, rows, self._days_ahead)
        return Forecast(score, chance if usable else None)

    def thumb_score(self, facts: Facts) -> Array:
        return facts["recency_days"]

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        return np.where(then["orders"] > 0, ~came_back(then, later), np.nan)

    def groups(self, facts: Facts) -> Mapping[str, Array]:
        return {"repeat": facts["x"] > 0, "once": (facts["x"] == 0) & (facts["orders"] > 0)}

    @property
    def _days_ahead(self) -> float:
        return self.settings.horizon / timedelta(days=1)

    def _reason(self, risk: Risk, chance: float, expected: float) -> Reason:
        told = {
            "horizon": f"{self._days_ahead:.0f}",
            "chance": f"{min(chance, 0.99):.0%}",
            "threshold": f"{self.settings.medium:.0%}",
        }
        if risk.adjustment:
            message = Told(ADJUSTED, {**told, "window": f"{risk.window:.0f}"})
        else:
            message = Told(EXPECTED, {**told, "expected": f"{expected:.2f}"})
        return Reason("chance_of_no_purchase", chance, message, threshold=self.settings.medium)

    def _by_silence(self, facts: Facts, rows: Array, model: Model) -> Iterator[Finding]:
        medium, high = model.parameters["medium"], model.parameters["high"]
        place = Risk.of(model.parameters["ranking"]).score(facts, rows, self._days_ahead)
        silent = facts["recency_days"][rows]
        worth = silent >= medium * (1 - self.settings.slack)
        for (customer, silence), days, score in zip(
            _silences(facts, rows[worth]), silent[worth].tolist(), place[worth].tolist(), strict=True
        ):
            level: Level = "high" if days >= high else "medium"
            cutoff, share = (high, _QUANTILES["high"]) if days >= high else (medium, _QUANTILES["medium"])
            told = Told(UNUSUAL, {"share": f"{share:.1%}", "days": round(cutoff)})
            reason = Reason("recency_days", days, told, threshold=cutoff)
            yield Finding(customer, level, score, (*silence, reason), raises=days >= medium)


def _silences(facts: Facts, rows: Array) -> Iterator[tuple[str, tuple[Reason, ...]]]:
    """Each of these customers, with how long they have been silent and what is usual for them."""
    columns = (facts[name][rows].tolist() for name in ("recency_days", "x", "mean_gap_days"))
    for customer, silent, x, gap in zip(facts.ids[rows].tolist(), *columns, strict=True):
        days = int(silent)
        if x == 0:
            yield customer, (Reason("recency_days", days, Told(ONCE, {"days": days})),)
            continue
        usual = max(1, round(gap))
        yield (
            customer,
            (
                Reason("recency_days", days, Told(SILENT, {"days": days})),
                Reason("mean_gap_days", usual, Told(RHYTHM, {"gap": usual})),
            ),
        )
