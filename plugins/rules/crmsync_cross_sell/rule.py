"""Which products sell another one with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, mark
from crmsync.sdk.rule import Level, Subject
from crmsync.sdk.stats import ratio
from crmsync_cross_sell.pair import Pair, baskets, beside, companions, orders_of_companions, pairs
from crmsync_cross_sell.settings import CrossSellSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

NOTHING = mark("No two products share {together} orders: nothing to recommend by.")
TOGETHER = mark(
    "{confidence} of its orders hold {companion} as well ({together} of {orders}): {lift} times as often as"
    " by chance, in {support} of all orders."
)
# An outcome of fewer new orders would say little of what goes together.
_NEW_ORDERS = 5


class CrossSell(Rule[CrossSellSettings], Predicts):
    """Products bought together with another (关联销售) more often than chance would have it."""

    name = "cross_sell"
    title = "Cross-selling"
    Settings = CrossSellSettings
    outcome = mark("its best companion is bought with it again as often as `lift` asks, within the horizon")
    thumb = mark("orders with both so far")

    @property
    def subject(self) -> Subject:
        return "product"

    def fit(self, facts: Facts) -> Model:
        together = self.settings.together
        orders = orders_of_companions(facts, together)
        if not orders:
            return Model("none", refusal=Told(NOTHING, {"together": together}))
        return Model("pairs", {"orders": orders, "shops": baskets(facts)}, {"companions": len(orders)})

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        for row, standing in self._pairs(facts, model, self._stands):
            if not standing:
                continue
            best = max(standing, key=lambda pair: (self._holds(pair), pair.least_lift))
            level: Level = "high" if best.confidence >= self.settings.high else "medium"
            shown = [best, *(pair for pair in standing if pair is not best)][: self.settings.shown]
            reasons = tuple(self._reason(str(facts.ids[row]), pair) for pair in shown)
            raises = self._holds(best)
            yield Finding(str(facts.ids[row]), level, best.least_lift, reasons, raises=raises)

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        import numpy as np

        score = np.full(len(facts), np.nan)
        for row, found in self._pairs(facts, model):
            if found:
                score[row] = found[0].least_lift
        return Forecast(score)

    def thumb_score(self, facts: Facts) -> Array:
        import numpy as np

        most = (
            max((together for _, together in companions(text)), default=0) for text in facts["companions"]
        )
        return np.fromiter(most, float, len(facts))

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        orders = orders_of_companions(then, self.settings.together)
        place = {product: row for row, product in enumerate(then.ids.tolist())}
        new = later["orders"] - then["orders"]
        all_new = later["basket_orders"] - then["basket_orders"]
        shops = baskets(then)
        outcome = np.full(len(then), np.nan)
        for row in (new >= _NEW_ORDERS).nonzero()[0].tolist():
            found = pairs(then, row, orders, shops, self.settings.together)
            if not found:
                continue
            best = found[0]
            now = dict(companions(later["companions"][row])).get(best.companion, best.together)
            common = ratio(new[[place[beside(then.ids[row], best.companion)]]], all_new[[row]])[0]
            outcome[row] = (now - best.together) / new[row] > self.settings.lift * common
        return outcome

    def _pairs(
        self, facts: Facts, model: Model | None, holds: Callable[[Pair], bool] = lambda pair: True
    ) -> Iterator[tuple[int, list[Pair]]]:
        if model is None or model.kind == "none":
            return
        orders, shops = model.parameters["orders"], model.parameters["shops"]
        for row, text in enumerate(facts["companions"]):
            if text:
                yield row, pairs(facts, row, orders, shops, self.settings.together, holds)

    def _stands(self, pair: Pair) -> bool:
        """Whether a flag for it would be kept."""
        return self._holds(pair, 1 - self.settings.slack)

    def _holds(self, pair: Pair, of: float = 1.0) -> bool:
        """Whether the pair reaches the thresholds, or this share of them."""
        settings = self.settings
        return (
            pair.support >= settings.support * of
            and pair.confidence >= settings.confidence * of
            and pair.least_lift >= settings.lift * of
        )

    def _reason(self, product: str, pair: Pair) -> Reason:
        told = {
            "companion": pair.companion,
            "together": pair.together,
            "orders": pair.orders,
            "confidence": f"{pair.confidence:.0%}",
            "lift": f"{pair.lift:.1f}",
            "support": f"{pair.support:.2%}",
        }
        evidence = (beside(product, pair.companion),)
        return Reason("companions", pair.lift, Told(TOGETHER, {**told}), self.settings.lift, evidence)
