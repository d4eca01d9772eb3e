"""What a customer is worth to the shop from now on, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk.stats.purchase import PurchaseModel
from crmsync.sdk.stats.spend import SpendModel

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_YEAR = 365.25
_STEP = 30.0


@dataclass(frozen=True, slots=True)
class Prospect:
    """The terms a value is reckoned on: `horizon` in days, `discount` a year, `margin` of an order's worth.

    A horizon must be given: over an endless one the purchase models promise more than anybody knows.
    """

    horizon: float
    discount: float = 0.1
    margin: float = 1.0

    def discounted(self, model: PurchaseModel, x: Array, t_x: Array, T: Array) -> Array:
        """How many purchases each customer is expected to make, each counted at its present value."""
        import numpy as np

        ends = np.append(np.arange(_STEP, self.horizon, _STEP), self.horizon)
        total = np.zeros(len(x))
        before, start = np.zeros(len(x)), 0.0
        for end in ends.tolist():
            until = model.expected(x, t_x, T, end)
            total += (until - before) / (1 + self.discount) ** ((start + end) / 2 / _YEAR)
            before, start = until, end
        return total

    def value(
        self,
        purchases: PurchaseModel,
        spend: SpendModel,
        *,
        x: Array,
        t_x: Array,
        T: Array,
        orders: Array,
        average: Array,
    ) -> Array:
        """Each customer's lifetime value (客户终身价值) over the horizon, in the unit of `average`.

        `x`, `t_x` and `T` are what the purchase model takes, `orders` and `average` what the other does.
        """
        return self.discounted(purchases, x, t_x, T) * spend.mean(orders, average) * self.margin


def customer_equity(values: Array, currency: Array) -> dict[str, float]:
    """The value of all customers together (客户资产), per currency: amounts in two are never added."""
    return {
        name: float(values[currency == name].sum())
        for name in sorted({str(each) for each in currency if each is not None})
    }
