"""The customers who bring most: the top of the pyramid, or fixed grades."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any, Self

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, display, exponent, mark
from crmsync.sdk.rule import Level, Subject
from crmsync_vip.pyramid import pyramid
from crmsync_vip.settings import VipSettings
from crmsync_vip.worth import fit_forecast, worth

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOO_FEW = mark("{buyers} buyers: not enough to tell who stands out.")
NO_FORECAST = mark("The value forecast is not usable in this shop; customers count by net spend instead.")
NET = mark("Spent {worth} net: among the top {share} of {customers} customers (from {cutoff}).")
FORECAST = mark(
    "Expected to bring {worth} in the next {days} days: among the top {share} of {customers} customers"
    " (from {cutoff})."
)
POINTS = mark("{worth} points: among the top {share} of {customers} customers (from {cutoff}).")
NET_GRADE = mark("Spent {worth} net: {grade} from {cutoff}.")
FORECAST_GRADE = mark("Expected to bring {worth} in the next {days} days: {grade} from {cutoff}.")
POINTS_GRADE = mark("{worth} points: {grade} from {cutoff}.")
KEPT = mark("A little below {grade} (from {cutoff}), which is kept where it stands.")
CONCENTRATION = mark("Here the top 20 % of customers bring {concentration} of net spend.")
FORECAST_CONCENTRATION = mark("Here the top 20 % of customers are expected to bring {concentration} of all.")
POINTS_CONCENTRATION = mark("Here the top 20 % of customers have {concentration} of all points.")
ORDINARY = mark("An ordinary customer: those below the tiers bring {rest} of all.")
GUARD = mark(
    "Nobody is dropped for being small: {risen} of those in the tiers today were below them {days} days ago."
)
ORDINARY_STATE = mark("ordinary")

_TOLD = {
    "net": (NET, NET_GRADE, CONCENTRATION),
    "forecast": (FORECAST, FORECAST_GRADE, FORECAST_CONCENTRATION),
    "points": (POINTS, POINTS_GRADE, POINTS_CONCENTRATION),
}
_YEAR = timedelta(days=365)


class Vip(Rule[VipSettings], Predicts):
    """Tiers of customers (VIP, 关键客户) by net spend, forecast or points, within each currency."""

    name = "vip"
    title = "VIP"
    Settings = VipSettings
    reads_scores = False
    version = 2
    outcome = mark("among those who spend most within the horizon")
    thumb = mark("net spend so far")

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def horizon(self) -> timedelta | None:
        return self.settings.horizon if self.settings.by == "forecast" else None

    def over(self, horizon: timedelta) -> Self:
        return type(self)(self.settings.model_copy(update={"horizon": horizon}))

    def fit(self, facts: Facts) -> Model:
        spenders = facts["net"] > 0
        currencies = sorted({str(currency) for currency in facts["currency"][spenders]})
        of = {currency: spenders & (facts["currency"] == currency) for currency in currencies}
        of = {name: rows for name, rows in of.items() if rows.sum() >= self.settings.minimum_customers}
        if not of:
            return Model("none", refusal=Told(TOO_FEW, {"buyers": int(spenders.sum())}))
        forecast = fit_forecast(facts, list(of)) if self.settings.by == "forecast" else None
        then = facts.earlier(facts.as_of - _YEAR) if self.settings.ordinary else None
        pyramids = {}
        for currency, rows in of.items():
            models = forecast and {**forecast, "spend": forecast["spend"][currency]}
            counted = worth(facts, rows, currency, self.settings, models)
            pyramids[currency] = {**self._pyramid(counted, currency), "forecast": models}
            if then is not None and pyramids[currency]["cutoffs"]:
                least = min(pyramids[currency]["cutoffs"].values())
                of_then = (then["currency"] == currency) & (then["orders"] > 0)
                before = then.ids[of_then][worth(then, of_then, currency, self.settings, models) >= least]
                pyramids[currency]["risen"] = _risen(facts.ids[rows][counted >= least], before)
        curves = {
            currency: {name: found[name] for name in ("concentration", "gini")}
            for currency, found in pyramids.items()
        }
        lacking = self.settings.by == "forecast" and forecast is None
        return Model("pyramid", pyramids, curves, Told(NO_FORECAST) if lacking else None)

    def _pyramid(self, counted: Array, currency: str) -> dict[str, Any]:
        found = pyramid(counted, self.settings.tiers)
        if self.settings.grades:
            wanted = self.settings.by == "points" or currency == self.settings.currency
            unit = 1 if self.settings.by == "points" else 10 ** exponent(currency)
            grades = self.settings.grades if wanted else {}
            found["cutoffs"] = {grade: least * unit for grade, least in grades.items()}
        below = counted < min(found["cutoffs"].values(), default=0.0)
        return {**found, "below": float(counted[below].sum() / max(counted.sum(), 1e-9))}

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        for currency, found in model.parameters.items():
            reachable = (tier for tier in found["cutoffs"].items() if tier[1] > 0)
            tiers = sorted(reachable, key=lambda tier: -tier[1])
            rows = ((facts["currency"] == currency) & (facts["orders"] > 0)).nonzero()[0]
            if not tiers or not len(rows):
                continue
            counted = worth(facts, rows, currency, self.settings, found["forecast"])
            near = counted >= max(tiers[-1][1] * (1 - self.settings.slack), 1e-9)
            for row, value in zip(rows[near].tolist(), counted[near].tolist(), strict=True):
                yield self._finding(str(facts.ids[row]), value, currency, model, tiers)
            if self.settings.ordinary:
                reasons = self._ordinary(found)
                for row, value in zip(rows[~near].tolist(), counted[~near].tolist(), strict=True):
                    score = max(value, 0.0) / tiers[-1][1]
                    yield Finding(str(facts.ids[row]), "low", score, reasons, state=ORDINARY_STATE)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        score = np.full(len(facts), np.nan)
        if model is None or model.kind == "none":
            return Forecast(score)
        for currency, found in model.parameters.items():
            rows = ((facts["currency"] == currency) & (facts["orders"] > 0)).nonzero()[0]
            counted = worth(facts, rows, currency, self.settings, found["forecast"])
            score[rows] = counted / max(min(found["cutoffs"].values(), default=1.0), 1.0)
        return Forecast(score)

    def thumb_score(self, facts: Facts) -> Array:
        return facts["net"]

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        outcome = np.full(len(then), np.nan)
        same = (then["currency"] == later["currency"]) & (then["orders"] > 0)
        spent = later["net"] - then["net"]
        for currency in {str(each) for each in then["currency"][same]}:
            rows = same & (then["currency"] == currency)
            among = ceil(max(self.settings.tiers.values()) * rows.sum())
            cutoff = max(float(np.sort(spent[rows])[-among]), 1.0)
            outcome[rows] = spent[rows] >= cutoff
        return outcome

    def _finding(
        self, customer: str, value: float, currency: str, model: Model, tiers: list[tuple[str, float]]
    ) -> Finding:
        found, slack = model.parameters[currency], self.settings.slack
        reached = next((tier for tier in tiers if value >= tier[1]), None)
        if reached is None and self.settings.ordinary:
            reasons = self._ordinary(found)
            name, score = tiers[-1][0], value / tiers[-1][1]
            return Finding(customer, "low", score, reasons, state=ORDINARY_STATE, keeps=name)
        tier, cutoff = reached or tiers[-1]
        # The next tier up is kept where it stands, as long as the customer is only a little below it.
        held = next((above for above in tiers if cutoff < above[1] and value >= above[1] * (1 - slack)), None)
        reasons = [self._worth_reason(value, currency, model, tier, cutoff)]
        if missed := held or (None if reached else tiers[-1]):
            told = {"grade": missed[0], "cutoff": self._shown(missed[1], currency)}
            reasons.append(Reason("kept", missed[1], Told(KEPT, {**told})))
        share = found["concentration"]["0.2"]
        told = {"concentration": f"{share:.0%}"}
        reasons.append(Reason("concentration", share, Told(_TOLD[self._by(model)][2], {**told})))
        level: Level = "high" if tier == tiers[0][0] and reached else "medium"
        return Finding(
            customer,
            level,
            value / tiers[-1][1],
            tuple(reasons),
            raises=reached is not None,
            state=tier,
            keeps=held[0] if held else None,
        )

    def _worth_reason(self, value: float, currency: str, model: Model, tier: str, cutoff: float) -> Reason:
        by = self._by(model)
        tiered, graded, _ = _TOLD[by]
        values: dict[str, Any] = {
            "worth": self._shown(value, currency),
            "cutoff": self._shown(cutoff, currency),
            "grade": tier,
            "days": self.settings.horizon.days,
            "customers": model.parameters[currency]["customers"],
        }
        if not self.settings.grades:
            values["share"] = f"{self.settings.tiers[tier] * 100:g} %"
        message = graded if self.settings.grades else tiered
        used = {name: shown for name, shown in values.items() if f"{{{name}}}" in message}
        return Reason(by, value, Told(message, used), threshold=cutoff)

    def _ordinary(self, found: dict[str, Any]) -> tuple[Reason, ...]:
        rest = found["below"]
        reasons = [Reason("rest", rest, Told(ORDINARY, {"rest": f"{rest:.0%}"}))]
        if (risen := found.get("risen")) is not None:
            told = Told(GUARD, {"risen": f"{risen:.0%}", "days": _YEAR.days})
            reasons.append(Reason("risen", risen, told))
        return tuple(reasons)

    def _by(self, model: Model) -> str:
        return "net" if model.refusal else self.settings.by

    def _shown(self, value: float, currency: str) -> str:
        if self.settings.by == "points":
            return f"{value:,.0f}"
        return display(round(value), currency)


def _risen(inside: Array, before: Array) -> float | None:
    """The share of those inside the tiers who were not there before."""
    known = set(before.tolist())
    return sum(customer not in known for customer in inside.tolist()) / len(inside) if len(inside) else None
