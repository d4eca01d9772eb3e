"""Who is loyal: regular, across the shop, for long, and through trouble."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync_loyalty.feature import FEATURES, features
from crmsync_loyalty.settings import LoyaltySettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Loyalty(Rule[LoyaltySettings], Predicts):
    """Customers who show the features of loyalty (忠诚), regular repeat purchase among them."""

    name = "loyalty"
    title = "Loyalty"
    Settings = LoyaltySettings
    reads_scores = False
    outcome = mark("a purchase within the horizon")
    thumb = mark("the number of orders so far")

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def horizon(self) -> timedelta:
        return self.settings.horizon

    def over(self, horizon: timedelta) -> Self:
        return type(self)(self.settings.model_copy(update={"horizon": horizon}))

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        shown = features(facts, self.settings)
        count = sum(shown.values(), start=0 * facts["orders"])
        # One feature less keeps a flag: a late purchase alone is no end of loyalty.
        worth = shown["regular"] & (count >= self.settings.medium - 1)
        for row in worth.nonzero()[0].tolist():
            level: Level = "high" if count[row] >= self.settings.high else "medium"
            reasons = tuple(self._reason(facts, row, name) for name in shown if shown[name][row])
            raises = bool(count[row] >= self.settings.medium)
            yield Finding(facts.ids[row], level, float(count[row]) / len(FEATURES), reasons, raises=raises)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        count = sum(features(facts, self.settings).values(), start=0 * facts["orders"])
        often = facts["x"] / (1 + facts["x"])
        return Forecast(np.where(facts["orders"] > 0, count + often, np.nan))

    def thumb_score(self, facts: Facts) -> Array:
        return facts["orders"]

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        bought = np.nan_to_num(later["last_order_at"]) > then.as_of.timestamp()
        return np.where(then["orders"] > 0, bought, np.nan)

    def _reason(self, facts: Facts, row: int, name: str) -> Reason:
        values: dict[str, int] = {
            each: int(facts[each][row])
            for each in ("products", "categories", "good_reviews", "orders_after_trouble")
            if f"{{{each}}}" in FEATURES[name]
        }
        if name == "regular":
            values = {
                "purchases": int(facts["purchase_days"][row]),
                "gap": max(1, round(float(facts["mean_gap_days"][row]))),
            }
        elif name == "stays":
            values = {"days": int(facts["t_x"][row])}
        return Reason(name, next(iter(values.values())), Told(FEATURES[name], {**values}))
