"""The customers who bring most: the top of the pyramid."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, display, mark
from crmsync.sdk.rule import Level, Subject
from crmsync_vip.settings import VipSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOO_FEW = mark("{buyers} buyers: not enough to tell who stands out.")
SPENT = mark("Spent {net} net: among the top {share} of {customers} customers (from {cutoff}).")
KEPT = mark("Spent {net} net: a little below the top {share} of {customers} customers (from {cutoff}).")
CONCENTRATION = mark("Here the top 20 % of customers bring {concentration} of net spend.")


class Vip(Rule[VipSettings], Predicts):
    """Tiers of customers by net spend (VIP, 关键客户), within each currency."""

    name = "vip"
    title = "VIP"
    Settings = VipSettings
    outcome = mark("among those who spend most within the horizon")
    thumb = mark("net spend so far")

    @property
    def subject(self) -> Subject:
        return "customer"

    def fit(self, facts: Facts) -> Model:
        spenders = facts["net"] > 0
        currencies = sorted({str(currency) for currency in facts["currency"][spenders]})
        pyramids = {}
        for currency in currencies:
            net = facts["net"][spenders & (facts["currency"] == currency)]
            if len(net) >= self.settings.minimum_customers:
                pyramids[currency] = self._pyramid(net)
        if not pyramids:
            return Model("none", refusal=Told(TOO_FEW, {"buyers": int(spenders.sum())}))
        concentration = {currency: pyramid["concentration"] for currency, pyramid in pyramids.items()}
        return Model("pyramid", pyramids, {"top_20_share_of_spend": concentration})

    def _pyramid(self, net: Array) -> dict[str, Any]:
        import numpy as np

        falling = np.sort(net)[::-1]
        return {
            "customers": len(net),
            "cutoffs": {
                tier: float(falling[ceil(share * len(net)) - 1])
                for tier, share in self.settings.tiers.items()
            },
            "concentration": float(falling[: ceil(0.2 * len(net))].sum() / falling.sum()),
        }

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        if model is None or model.kind == "none":
            return
        tiers = sorted(self.settings.tiers, key=self.settings.tiers.__getitem__)
        for currency, pyramid in model.parameters.items():
            lowest = pyramid["cutoffs"][tiers[-1]]
            enough = facts["net"] >= max(lowest * (1 - self.settings.slack), 1)
            for row in (enough & (facts["currency"] == currency)).nonzero()[0]:
                yield self._finding(str(facts.ids[row]), float(facts["net"][row]), currency, pyramid, tiers)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        score = np.full(len(facts), np.nan)
        pyramids = model.parameters if model and model.kind != "none" else {}
        for currency, pyramid in pyramids.items():
            rows = (facts["currency"] == currency) & (facts["orders"] > 0)
            score[rows] = facts["net"][rows] / max(min(pyramid["cutoffs"].values()), 1.0)
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
        self, customer: str, net: float, currency: str, pyramid: dict[str, Any], tiers: list[str]
    ) -> Finding:
        cutoffs = pyramid["cutoffs"]
        reached = [tier for tier in tiers if net >= cutoffs[tier]]
        tier = reached[0] if reached else tiers[-1]
        level: Level = "high" if tier == tiers[0] else "medium"
        told = Told(
            SPENT if reached else KEPT,
            {
                "net": display(round(net), currency),
                "share": f"{self.settings.tiers[tier] * 100:g} %",
                "customers": pyramid["customers"],
                "cutoff": display(round(cutoffs[tier]), currency),
            },
        )
        concentration = Told(CONCENTRATION, {"concentration": f"{pyramid['concentration']:.0%}"})
        return Finding(
            customer,
            level,
            net / cutoffs[tiers[-1]],
            (
                Reason("net", net, told, threshold=cutoffs[tier]),
                Reason("concentration", pyramid["concentration"], concentration),
            ),
            raises=bool(reached),
        )
