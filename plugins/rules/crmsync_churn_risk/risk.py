"""The chance that a customer does not buy: a purchase model, set right by the shop's own past."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, NotEnoughEvidence
from crmsync.sdk.stats import Adjustment, PurchaseModel, chances, fit_adjustment, fit_purchases, log_odds

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_DAY = 86_400.0
# The last third of the history is the test, so that the model tested has seen twice as much.
_TEST_SHARE = 3


def buyers(facts: Facts) -> Array:
    """The rows of those who ever bought."""
    return (facts["orders"] > 0).nonzero()[0]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Risk:
    """What was learned. With an `adjustment` the model's chances over `window` days were put to the test."""

    purchases: PurchaseModel
    adjustment: Adjustment | None = None
    window: float = 0.0

    def none(self, facts: Facts, rows: Array, horizon: float) -> Array:
        """The chance that each of these buyers makes no purchase within `horizon` days."""
        history = _history(facts, rows)
        odds = log_odds(self.purchases.buys(*history, horizon))
        if self.adjustment:
            odds = odds + self.adjustment.moves(_evidence(self.purchases, facts, rows, self.window))
        return 1 - chances(odds)

    def score(self, facts: Facts, rows: Array, horizon: float) -> Array:
        """The place in the ranking, most at risk highest.

        Over one-time and repeat buyers together, the purchases a model expects rank better than its
        chance of any; a model that was set right ranks best by that chance itself.
        """
        import numpy as np

        if self.adjustment or self.purchases.degenerate:
            return self.none(facts, rows, horizon)
        expected = self.expected(facts, rows, horizon)
        return 1 / (1 + np.maximum(expected, 0.0))  # type: ignore[no-any-return]

    def expected(self, facts: Facts, rows: Array, horizon: float) -> Array:
        """The purchases the model expects of each within `horizon` days."""
        return self.purchases.expected(*_history(facts, rows), horizon)

    def parameters(self) -> dict[str, Any]:
        """As a model of the rule keeps it."""
        names = ("kind", "r", "alpha", "a", "b")
        found: dict[str, Any] = {name: getattr(self.purchases, name) for name in names}
        if self.adjustment:
            found["adjustment"] = {**asdict(self.adjustment), "window": self.window}
        return found

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Risk:
        """The same from `parameters()`."""
        found = dict(parameters)
        kept = dict(found.pop("adjustment", None) or {})
        window = float(kept.pop("window", 0.0))
        return cls(PurchaseModel(**found), Adjustment(**kept) if kept else None, window)


def learn(facts: Facts, purchases: PurchaseModel, horizon: float, minimum: int) -> Risk:
    """Put the model to the test on the shop's own past, and set it right where it failed.

    The model is fitted to what was known a while ago, and its chances are compared with who has
    bought since. The while is the horizon, or a third of the history when that is shorter.
    """
    rows = buyers(facts)
    window = float(min(horizon, facts["T"][rows].max() // _TEST_SHARE))
    then = facts.earlier(facts.as_of - timedelta(days=window)) if window >= 1 else None
    if then is None:
        return Risk(purchases)
    bought = buyers(then)
    if len(bought) < minimum:
        return Risk(purchases)
    try:
        tested = fit_purchases(*_history(then, bought), purchases.kind)
    except NotEnoughEvidence:
        return Risk(purchases)
    if not tested.converged:
        return Risk(purchases)
    adjustment = fit_adjustment(
        tested.buys(*_history(then, bought), window),
        _evidence(tested, then, bought, window),
        came_back(then, facts)[bought],
    )
    return Risk(purchases, adjustment, window if adjustment else 0.0)


def came_back(then: Facts, later: Facts) -> Array:
    """Per subject of `then`, whether an order came after it, as `later` knows."""
    import numpy as np

    last = dict(zip(later.ids.tolist(), later["last_order_at"].tolist(), strict=True))
    since = then.as_of.timestamp()
    return np.array([last.get(id, 0.0) > since for id in then.ids.tolist()], dtype=bool)


def _history(facts: Facts, rows: Array) -> tuple[Array, Array, Array]:
    return facts["x"][rows], facts["t_x"][rows], facts["T"][rows]


def _evidence(purchases: PurchaseModel, facts: Facts, rows: Array, window: float) -> Array:
    """What may move the model's odds: these themselves, recency, frequency, and money."""
    import numpy as np

    x, t_x, T = _history(facts, rows)
    average = np.maximum(facts["net"][rows], 0.0) / (x + 1)
    return np.stack(
        [
            log_odds(purchases.buys(x, t_x, T, window)),
            np.log1p(np.maximum(T - t_x, 0.0)),
            np.log1p(x),
            np.log1p(average),
        ],
        axis=1,
    )
