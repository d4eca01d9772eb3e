"""Rates of many subjects, most of them seen only a few times: beta-binomial shrinkage.

Each subject's true rate is drawn from one Beta distribution; a subject's own counts then move it. One bad
review in one order says little. How much subjects differ is seldom known well: the likelihood of the
counts hardly tells a weak prior from one under which all are alike. So nothing hangs on the likeliest
strength; every strength counts as far as the counts make it likely, all equally so before (on a scale of
logarithms, as is usual for a scale).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk.errors import NotEnoughEvidence

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# In observations: with a weaker prior every subject is its own law, with a stronger one all are alike.
_STRENGTHS = (0.14, 1e5)
_STEPS = 40
# A strength of less weight changes no rate that anyone is told of.
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True)
class RatePrior:
    """What the rates of all subjects look like: Beta distributions of one mean and of several strengths,
    each with its weight. The weights add up to 1."""

    mean: float
    strengths: tuple[float, ...]
    weights: tuple[float, ...] = (1.0,)

    @property
    def strength(self) -> float:
        """How many observations of its own weigh as much as the prior, in the geometric mean."""
        import numpy as np

        return float(np.exp(np.dot(self.weights, np.log(self.strengths))))

    def at_most(self, strength: float) -> RatePrior:
        """The same with no strength above this one."""
        return RatePrior(self.mean, tuple(min(each, strength) for each in self.strengths), self.weights)

    def rate(self, hits: Array, tries: Array) -> Array:
        """Each subject's rate as it is to be expected."""
        return self._mixed(lambda strength: (hits + self.mean * strength) / (tries + strength))

    def exceeds(self, hits: Array, tries: Array, threshold: float) -> Array:
        """The probability that each subject's true rate is above the threshold."""
        from scipy.special import betaincc

        return self._mixed(
            lambda strength: betaincc(
                self.mean * strength + hits, (1 - self.mean) * strength + tries - hits, threshold
            )
        )

    def dumped(self) -> dict[str, Any]:
        """What a model keeps of it."""
        return {"mean": self.mean, "strengths": list(self.strengths), "weights": list(self.weights)}

    @staticmethod
    def loaded(kept: Mapping[str, Any]) -> RatePrior:
        """The prior that a model has kept."""
        return RatePrior(kept["mean"], tuple(kept["strengths"]), tuple(kept["weights"]))

    def _mixed(self, of: Callable[[float], Array]) -> Array:
        import numpy as np

        # Strengths that `at_most` has made equal are one.
        parts: dict[float, float] = {}
        for weight, strength in zip(self.weights, self.strengths, strict=True):
            parts[strength] = parts.get(strength, 0.0) + weight
        return np.sum([weight * of(strength) for strength, weight in parts.items()], axis=0)  # type: ignore[no-any-return]


def fit_prior(hits: Array, tries: Array) -> RatePrior:
    """The prior that these counts speak for: the mean of the likeliest Beta distribution, and every strength
    weighted by how likely the counts are under it.

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

    mean, bounds = total / everything, [float(np.log(strength)) for strength in _STRENGTHS]
    start = np.array([np.log(mean / (1 - mean)), np.log(20.0)])
    logit = minimize(loss, start, method="L-BFGS-B", bounds=[(-14, 14), bounds]).x[0]
    steps = np.linspace(bounds[0], bounds[1], _STEPS)
    likelihood = -subjects * np.array([loss(np.array([logit, step])) for step in steps])
    weights = np.exp(likelihood - likelihood.max())
    kept = weights > _NEGLIGIBLE * weights.sum()
    return RatePrior(
        float(1 / (1 + np.exp(-logit))),
        tuple(np.exp(steps[kept]).tolist()),
        tuple((weights[kept] / weights[kept].sum()).tolist()),
    )
