"""Who will probably not buy again soon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Model, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import PurchaseModel, fit_purchases
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
UNUSUAL = mark("{share} of this shop's repeat buyers come back within {days} days.")


class ChurnRisk(Rule[ChurnRiskSettings]):
    """Customers who will probably not buy within the horizon (流失风险), most at risk first."""

    name = "churn_risk"
    title = "Churn risk"
    Settings = ChurnRiskSettings

    @property
    def subject(self) -> Subject:
        return "customer"

    def fit(self, facts: Facts) -> Model:
        import numpy as np

        bought = facts["orders"] > 0
        x, t_x, T = (facts[name][bought] for name in ("x", "t_x", "T"))
        evidence = {
            "buyers": len(x),
            "repeat": int((x > 0).sum()),
            "days": int(T.max()) if len(T) else 0,
        }
        if (
            evidence["buyers"] < self.settings.minimum_customers
            or evidence["repeat"] < self.settings.minimum_repeat_buyers
            or evidence["days"] < self.settings.minimum_history.days
        ):
            return Model("none", diagnostics=evidence, refusal=Told(TOO_FEW, {**evidence}))
        found = fit_purchases(x, t_x, T, self.settings.model)
        fitted = asdict(found)
        diagnostics = {
            **evidence,
            "log_likelihood": fitted.pop("log_likelihood"),
            "converged": fitted.pop("converged"),
            "degenerate": found.degenerate,
        }
        if found.converged and not found.degenerate:
            return Model(fitted.pop("kind"), fitted, diagnostics)
        gaps = facts["mean_gap_days"][facts["x"] > 0]
        cutoffs = {level: float(np.quantile(gaps, share)) for level, share in _QUANTILES.items()}
        return Model("recency", cutoffs, {**diagnostics, "tried": fitted}, Told(DEGENERATE))

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        if model.kind == "recency":
            yield from self._by_silence(facts, model)
            return
        horizon = float(self.settings.horizon.total_seconds() / 86_400)
        purchases = PurchaseModel("mbgnbd" if model.kind == "mbgnbd" else "bgnbd", **model.parameters)
        rows = (facts["orders"] > 0).nonzero()[0]
        x, t_x, T = (facts[name][rows] for name in ("x", "t_x", "T"))
        none = 1 - purchases.buys(x, t_x, T, horizon)
        expected = purchases.expected(x, t_x, T, horizon)
        for row, chance, purchase in zip(rows, none.tolist(), expected.tolist(), strict=True):
            if chance >= self.settings.medium - self.settings.slack:
                yield self._finding(facts, row, chance, purchase, horizon)

    def _finding(self, facts: Facts, row: int, chance: float, expected: float, horizon: float) -> Finding:
        level: Level = "high" if chance >= self.settings.high else "medium"
        told = Told(
            EXPECTED,
            {
                "horizon": f"{horizon:.0f}",
                "expected": f"{expected:.2f}",
                "chance": f"{min(chance, 0.99):.0%}",
                "threshold": f"{self.settings.medium:.0%}",
            },
        )
        reason = Reason("chance_of_no_purchase", chance, told, threshold=self.settings.medium)
        # Ranked by expected purchases: over all customers that orders them better than the chance of none.
        score = 1 / (1 + max(expected, 0.0))
        return Finding(
            str(facts.ids[row]),
            level,
            score,
            (*_silence(facts, row), reason),
            raises=chance >= self.settings.medium,
        )

    def _by_silence(self, facts: Facts, model: Model) -> Iterator[Finding]:
        medium, high = model.parameters["medium"], model.parameters["high"]
        silence = facts["recency_days"]
        for row in (silence >= medium * (1 - self.settings.slack)).nonzero()[0]:
            days = float(silence[row])
            level: Level = "high" if days >= high else "medium"
            cutoff, share = (high, _QUANTILES["high"]) if days >= high else (medium, _QUANTILES["medium"])
            told = Told(UNUSUAL, {"share": f"{share:.1%}", "days": round(cutoff)})
            reason = Reason("recency_days", days, told, threshold=cutoff)
            yield Finding(
                str(facts.ids[row]),
                level,
                days / (days + high),
                (*_silence(facts, row), reason),
                raises=days >= medium,
            )


def _silence(facts: Facts, row: int) -> tuple[Reason, ...]:
    days = int(facts["recency_days"][row])
    if facts["x"][row] == 0:
        return (Reason("recency_days", days, Told(ONCE, {"days": days})),)
    gap = max(1, round(float(facts["mean_gap_days"][row])))
    return (
        Reason("recency_days", days, Told(SILENT, {"days": days})),
        Reason("mean_gap_days", gap, Told(RHYTHM, {"gap": gap})),
    )
