"""How well a score tells those it happened to from the others: the area under the ROC curve.

Intervals are DeLong's (DeLong, DeLong and Clarke-Pearson 1988), by ranks (Sun and Xu 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and where the true value lies, 95 % of the time."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of two scores on the same subjects, and how far the first is ahead."""

    first: Interval
    second: Interval
    difference: Interval


def areas(first: Array, second: Array, hit: Array) -> Areas:
    """Compare two scores; `hit` is true where it happened. There must be two hits and two misses at least."""
    import numpy as np

    parts = [_components(score, hit) for score in (first, second)]
    by_hit, by_miss = (np.stack([part[side] for part in parts]) for side in (0, 1))
    values = by_hit.mean(axis=1)
    covariance = np.cov(by_hit) / by_hit.shape[1] + np.cov(by_miss) / by_miss.shape[1]
    ahead = float(values[0] - values[1])
    error = sqrt(max(float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), 0.0))
    one, two = (
        _interval(float(value), float(variance))
        for value, variance in zip(values, covariance.diagonal(), strict=True)
    )
    return Areas(one, two, Interval(ahead, ahead - _Z * error, ahead + _Z * error))


def influence(first: Array, second: Array, hit: Array) -> Array:
    """How much each subject moves the difference of the two areas: 0 in sum, its variance in squares."""
    import numpy as np

    moved = np.zeros(len(hit))
    for score, sign in ((first, 1), (second, -1)):
        for part, rows in zip(_components(score, hit), (hit, ~hit), strict=True):
            moved[rows] += sign * (part - part.mean()) / len(part)
    return moved


def around(value: float, influences: Array) -> Interval:
    """The interval of an estimate from how much each independent subject moved it."""
    half = _Z * sqrt(float((influences**2).sum()))
    return Interval(value, value - half, value + half)


def _components(score: Array, hit: Array) -> tuple[Array, Array]:
    """Per hit, the share of misses it is placed above; per miss, the share of hits placed above it."""
    from scipy.stats import rankdata

    hits, misses = score[hit], score[~hit]
    ranks = rankdata(score)
    above_misses = (ranks[hit] - rankdata(hits)) / len(misses)
    below_hits = 1 - (ranks[~hit] - rankdata(misses)) / len(hits)
    return above_misses, below_hits


def _interval(value: float, variance: float) -> Interval:
    """On the scale of log-odds, so that it stays between 0 and 1."""
    from scipy.special import expit

    if not 0 < value < 1:
        return Interval(value, value, value)
    middle, half = log(value / (1 - value)), _Z * sqrt(max(variance, 0.0)) / (value * (1 - value))
    return Interval(value, float(expit(middle - half)), float(expit(middle + half)))
