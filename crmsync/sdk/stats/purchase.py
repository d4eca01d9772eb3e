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
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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

    if not (x > 0).any():
        raise NotEnoughEvidence("Nobody has bought twice.")
    groups = _groups(x, t_x / _WEEK, T / _WEEK)
    if len(groups.counts) > _MAX_GROUPS:
        last = np.round(t_x / _WEEK)
        groups = _groups(np.round(x), last, np.maximum(np.round(T / _WEEK), last))
    loss = _Loss(groups, kind)
    tries = [
        minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=[(-_BOUND, _BOUND)] * 4)
        for start in ((0.5, 5.0, 0.8, 2.0), (2.0, 20.0, 0.2, 2.0))
    ]
    best = min(tries, key=lambda found: float(found.fun))
    r, alpha, a, b = (float(p) for p in np.exp(best.x))
    customers = int(groups.counts.sum())
    return PurchaseModel(kind, r, alpha, a, b, -float(best.fun) * customers, customers, bool(best.success))


class _Groups(NamedTuple):
    """Histories that many customers share: how many share each, and its x, t_x and T as places in the few
    values that there are of each."""

    counts: Array
    values: tuple[Array, Array, Array]
    places: tuple[Array, Array, Array]


def _groups(x: Array, t_x: Array, T: Array) -> _Groups:
    import numpy as np

    found = [np.unique(column, return_inverse=True) for column in (x, t_x, T)]
    sizes = [len(values) for values, _ in found]
    keys, counts = np.unique(np.ravel_multi_index([places for _, places in found], sizes), return_counts=True)
    k, last, seen = np.unravel_index(keys, sizes)
    return _Groups(counts, (found[0][0], found[1][0], found[2][0]), (k, last, seen))


def _sum(*factors: Array) -> float:
    """The sum of the products. Not `@`: that shares long columns out to threads that wait in a loop for each
    other, for longer than the whole fit takes."""
    import numpy as np

    return float(np.einsum(",".join("i" * len(factors)), *factors))


class _Loss:
    """Minus the mean log-likelihood at the logarithms of r, alpha, a and b, and its gradient.

    What depends on one of x, t_x and T alone is worked out once for each of its values.
    """

    def __init__(self, groups: _Groups, kind: Kind) -> None:
        import numpy as np

        self.one = 1 if kind == "mbgnbd" else 0
        self.share = groups.counts / groups.counts.sum()
        self.k, self.last, self.seen = groups.values
        self.of_k, self.of_last, self.of_seen = groups.places
        self.share_of_k = self._by_k(self.share)
        # In BG/NBD nobody leaves before the second purchase.
        self.may_leave = (self.k > 0) | (self.one == 1)
        self.before_leaving = self.k if self.one else np.maximum(self.k, 1) - 1

    def __call__(self, at: Array) -> tuple[float, Array]:
        import numpy as np
        from scipy.special import betaln, digamma, gammaln

        r, alpha, a, b = np.exp(at)
        k, staying, leaving = self.k, b + self.k + self.one, b + self.before_leaving
        log_seen, log_last = np.log(alpha + self.seen)[self.of_seen], np.log(alpha + self.last)[self.of_last]
        rates = (r + k)[self.of_k]
        stayed = betaln(a, staying)[self.of_k] - rates * log_seen
        left = np.where(self.may_leave, betaln(a + 1, leaving), -np.inf)[self.of_k] - rates * log_last
        either = np.logaddexp(stayed, left)
        common = gammaln(r + k) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
        value = self.share_of_k @ common + _sum(self.share, either)

        gone = self.share * np.exp(left - either)
        alive = self.share - gone
        gone_of_k, alive_of_k = self._by_k(gone), self._by_k(alive)
        both, stay, leave = digamma(a + b), digamma(a + staying), digamma(a + 1 + leaving)
        slope = np.array(
            [
                self.share_of_k @ digamma(r + k)
                - digamma(r)
                + np.log(alpha)
                - _sum(alive, log_seen)
                - _sum(gone, log_last),
                r / alpha
                - _sum(alive, rates, (1 / (alpha + self.seen))[self.of_seen])
                - _sum(gone, rates, (1 / (alpha + self.last))[self.of_last]),
                both - digamma(a) + alive_of_k @ (digamma(a) - stay) + gone_of_k @ (digamma(a + 1) - leave),
                both
                - digamma(b)
                + alive_of_k @ (digamma(staying) - stay)
                + gone_of_k @ (digamma(leaving) - leave),
            ]
        )
        return -float(value), -slope * np.array([r, alpha, a, b])

    def _by_k(self, weights: Array) -> Array:
        import numpy as np

        return np.bincount(self.of_k, weights, len(self.k))
