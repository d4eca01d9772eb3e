"""When will they buy again? BG/NBD and MBG/NBD, by maximum likelihood.

While alive a customer buys at random at their own rate, Gamma(r, alpha) over all customers; after a
purchase they may leave for good, with a probability of their own, Beta(a, b). In BG/NBD (Fader,
Hardie and Lee 2005) only a repeat purchase can be the last, so that a one-time buyer is alive for
certain; in MBG/NBD (Batislam, Denizel and Filiztekin 2007) the first one can be it as well.

Customers are given by `x` repeat purchases, `t_x` the time of the last one and `T` the time observed,
both since the first and in days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from crmsync.sdk.errors import NotEnoughEvidence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Kind = Literal["bgnbd", "mbgnbd"]

_WEEK = 7.0
# Above this many distinct histories the fit works on whole weeks: parameters move by less than 1 %.
_MAX_GROUPS = 5_000
_BOUND = 12.0


@dataclass(frozen=True, slots=True)
class PurchaseModel:
    """A fitted model. Rates are per week; `log_likelihood` is the sum over `customers`."""

    kind: Kind
    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float = 0.0
    customers: int = 0
    converged: bool = True

    @property
    def degenerate(self) -> bool:
        """Whether the data held nothing the model describes: nobody leaves, or nobody differs."""
        return self.a / (self.a + self.b) < 0.002 or not all(
            1e-4 < p < 1e4 for p in (self.r, self.alpha, self.a, self.b)
        )

    def alive(self, x: Array, t_x: Array, T: Array) -> Array:
        """The probability that each customer has not left."""
        import numpy as np

        left = np.exp((self.r + x) * (np.log(self.alpha + T / _WEEK) - np.log(self.alpha + t_x / _WEEK)))
        if self.kind == "mbgnbd":
            return 1 / (1 + self.a / (self.b + x) * left)  # type: ignore[no-any-return]
        odds = self.a / (self.b + np.maximum(x, 1) - 1) * left
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def buys(self, x: Array, t_x: Array, T: Array, horizon: float) -> Array:
        """The probability that each customer buys within the next `horizon` days."""
        idle = (self.alpha + T / _WEEK) / (self.alpha + (T + horizon) / _WEEK)
        return self.alive(x, t_x, T) * (1 - idle ** (self.r + x))

    def expected(self, x: Array, t_x: Array, T: Array, horizon: float) -> Array:
        """How many purchases each customer is expected to make within the next `horizon` days."""
        from scipy.special import hyp2f1

        # The formula divides by a - 1; its limit there is smooth.
        a = self.a if abs(self.a - 1) > 1e-5 else 1 + 1e-5
        b = self.b + x + (1 if self.kind == "mbgnbd" else 0)
        now, then = self.alpha + T / _WEEK, self.alpha + (T + horizon) / _WEEK
        still = (now / then) ** (self.r + x) * hyp2f1(self.r + x, b, a + b - 1, horizon / _WEEK / then)
        return self.alive(x, t_x, T) * (a + b - 1) / (a - 1) * (1 - still)  # type: ignore[no-any-return]


def fit_purchases(x: Array, t_x: Array, T: Array, kind: Kind = "mbgnbd") -> PurchaseModel:
    """The model under which these purchases are most likely.

    Raises NotEnoughEvidence when nobody bought twice. Check `converged` and `degenerate`.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import betaln, gammaln

    if not (x > 0).any():
        raise NotEnoughEvidence("Nobody has bought twice.")
    histories = np.stack([x, t_x / _WEEK, T / _WEEK])
    groups, counts = np.unique(histories, axis=1, return_counts=True)
    if groups.shape[1] > _MAX_GROUPS:
        groups, counts = np.unique(np.round(histories), axis=1, return_counts=True)
        groups[2] = np.maximum(groups[2], groups[1])
    k, last, seen = groups
    repeat = k > 0
    one = 1 if kind == "mbgnbd" else 0

    def loss(at: Array) -> float:
        r, alpha, a, b = np.exp(at)
        common = gammaln(r + k) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        stayed = betaln(a, b + k + one) - (r + k) * np.log(alpha + seen)
        b_left = b + k - 1 + one if one else b + np.maximum(k, 1) - 1
        left = betaln(a + 1, b_left) - (r + k) * np.log(alpha + last)
        each = np.logaddexp(stayed, left) if one else np.where(repeat, np.logaddexp(stayed, left), stayed)
        return float(-(counts * (common + each)).sum() / counts.sum())

    tries = [
        minimize(loss, np.log(start), method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4)
        for start in ((0.5, 5.0, 0.8, 2.0), (2.0, 20.0, 0.2, 2.0))
    ]
    best = min(tries, key=lambda found: float(found.fun))
    r, alpha, a, b = (float(p) for p in np.exp(best.x))
    customers = int(counts.sum())
    return PurchaseModel(kind, r, alpha, a, b, -float(best.fun) * customers, customers, bool(best.success))
