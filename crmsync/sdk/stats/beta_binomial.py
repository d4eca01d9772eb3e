"""Rates of many subjects, most of them seen only a few times: empirical Bayes.

Each subject's true rate is drawn from one Beta distribution, fitted to all of them by maximum
likelihood; a subject's own counts then move it. One bad review in one order says little.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk.errors import NotEnoughEvidence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# A stronger prior than this says that subjects do not differ at all.
_MAX_STRENGTH = 1e5


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """What the rates of all subjects look like: Beta(alpha, beta)."""

    alpha: float
    beta: float

    @property
    def mean(self) -> float:
        """The rate of a subject nothing is known of."""
        return self.alpha / (self.alpha + self.beta)

    @property
    def strength(self) -> float:
        """How many observations of its own weigh as much as the prior."""
        return self.alpha + self.beta

    def rate(self, hits: Array, tries: Array) -> Array:
        """Each subject's rate as it is to be expected."""
        return (hits + self.alpha) / (tries + self.strength)

    def exceeds(self, hits: Array, tries: Array, threshold: float) -> Array:
        """The probability that each subject's true rate is above the threshold."""
        from scipy.special import betaincc

        return betaincc(self.alpha + hits, self.beta + tries - hits, threshold)  # type: ignore[no-any-return]


def fit_prior(hits: Array, tries: Array) -> BetaPrior:
    """The prior under which these counts are most likely.

    Raises NotEnoughEvidence with fewer than ten subjects tried, or where nothing or everything is a hit.
    """
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import betaln

    seen = tries > 0
    pairs, counts = np.unique(np.stack([hits[seen], tries[seen]]), axis=1, return_counts=True)
    k, n = pairs
    total, subjects = float((k * counts).sum()), int(counts.sum())
    everything = float((n * counts).sum())
    if subjects < 10 or not 0 < total < everything:
        raise NotEnoughEvidence(
            f"{subjects} subjects with {total:.0f} hits in {everything:.0f} tries: too little to learn from."
        )

    def loss(at: Array) -> float:
        mean, strength = 1 / (1 + np.exp(-at[0])), np.exp(at[1])
        a, b = mean * strength, (1 - mean) * strength
        return float(-(counts * (betaln(a + k, b + n - k) - betaln(a, b))).sum() / subjects)

    mean = total / everything
    start = np.array([np.log(mean / (1 - mean)), np.log(20.0)])
    best = minimize(loss, start, method="L-BFGS-B", bounds=[(-14, 14), (-2, np.log(_MAX_STRENGTH))])
    mean, strength = float(1 / (1 + np.exp(-best.x[0]))), float(np.exp(best.x[1]))
    return BetaPrior(mean * strength, (1 - mean) * strength)
