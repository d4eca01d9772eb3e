"""What is an order worth? Gamma-Gamma, by maximum likelihood (Fader, Hardie and Lee 2005).

The worth of each of a customer's orders is drawn from a gamma distribution of their own, whose scale
differs from customer to customer; how much somebody spends is taken to say nothing of how often.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk.errors import NotEnoughEvidence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_MINIMUM = 10
# The rates of customers then spread by less than a tenth around their mean.
_ALIKE = 100.0
_BOUND = 12.0


@dataclass(frozen=True, slots=True)
class SpendModel:
    """A fitted model; `v` has the unit of the amounts it was fitted to.

    `correlation` is that of the number of orders with their mean worth: far from 0, the model's
    assumption does not hold.
    """

    p: float
    q: float
    v: float
    log_likelihood: float = 0.0
    customers: int = 0
    correlation: float = 0.0
    converged: bool = True

    @property
    def degenerate(self) -> bool:
        """Whether customers have no mean to speak of (`q` of 1 or less), or hardly differ in it."""
        return not (1 < self.q < _ALIKE and 1e-4 < self.p < 1e4)

    def mean(self, orders: Array, average: Array) -> Array:
        """What each customer's next order is expected to be worth.

        `orders` is how many there were and `average` their mean worth; without any, the shop's mean.
        """
        import numpy as np

        known = np.where(orders > 0, orders * np.nan_to_num(average), 0.0)
        return self.p * (self.v + known) / (self.p * orders + self.q - 1)


def fit_spend(orders: Array, average: Array) -> SpendModel:
    """The model under which these mean worths are most likely; who has none above 0 is left out.

    Raises NotEnoughEvidence with fewer than ten customers. Check `converged` and `degenerate`.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import gammaln

    spent = (orders > 0) & (average > 0)
    n, mean = orders[spent].astype(float), average[spent].astype(float)
    if len(n) < _MINIMUM:
        raise NotEnoughEvidence(f"{len(n)} customers who spent anything: too few to learn from.")
    # In units of the shop's mean order the search begins at the same place everywhere.
    unit = float((n * mean).sum() / n.sum())
    worth = mean / unit

    def loss(at: Array) -> float:
        p, q, v = np.exp(at)
        each = (
            gammaln(p * n + q)
            - gammaln(p * n)
            - gammaln(q)
            + q * np.log(v)
            + (p * n - 1) * np.log(worth)
            + p * n * np.log(n)
            - (p * n + q) * np.log(v + n * worth)
        )
        return float(-each.mean())

    best = minimize(
        loss,
        np.log([5.0, 4.0, 0.5]),
        method="L-BFGS-B",
        bounds=[(-_BOUND, _BOUND)] * 3,
        options={"ftol": 1e-13},
    )
    p, q, v = (float(value) for value in np.exp(best.x))
    varies = n.std() > 0 and mean.std() > 0
    return SpendModel(
        p,
        q,
        v * unit,
        -float(best.fun) * len(n) - len(n) * float(np.log(unit)),
        len(n),
        float(np.corrcoef(n, mean)[0, 1]) if varies else 0.0,
        bool(best.success),
    )
