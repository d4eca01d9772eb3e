"""What being written to changed: a difference between two groups drawn by chance, and how sure it is.

Customers are compared only with those drawn with the same chance by the same campaign (a stratum), since
a share that was changed on the way would otherwise compare one season with another. The differences of the
strata are averaged with the weights of Mantel and Haenszel, n₁n₀/(n₁+n₀), which is also how campaigns too
small to show anything are pooled. The variance of a share is taken after adding one success and one failure
to each group (Agresti & Caffo 2000, *The American Statistician* 54(4):280–288), so that a group in which
nothing happened does not look certain. Intervals are at 95 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt

Z_95 = 1.959964
Z_80_POWER = 0.841621


@dataclass(frozen=True, slots=True)
class Group:
    """Customers of one arm: how many, the sum of what was measured, and of its squares.

    For a share what is measured is 0 or 1, and both sums are equal.
    """

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Group) -> Group:
        return Group(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def variance(self) -> float:
        """Of one customer, around the group's mean."""
        if self.count < 2:
            return 0.0
        spread = self.squares - self.total * self.total / self.count
        return max(spread, 0.0) / (self.count - 1)

    def share_variance(self) -> float:
        """Of one customer, where what is measured happened or did not."""
        share = (self.total + 1) / (self.count + 2)
        return share * (1 - share)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Customers drawn with one chance: those written to, and those left alone to compare with."""

    treated: Group
    control: Group

    @property
    def weight(self) -> float:
        both = self.treated.count + self.control.count
        return self.treated.count * self.control.count / both if both else 0.0


@dataclass(frozen=True, slots=True)
class Effect:
    """Treated less control, per customer, with its 95 % interval."""

    difference: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether chance alone is an unlikely explanation: the interval does not hold 0."""
        return self.low > 0 or self.high < 0


def share_effect(strata: Iterable[Stratum]) -> Effect | None:
    """The difference between two shares; None while a group is empty in every stratum."""
    return _effect(
        (s, s.treated.share_variance() / s.treated.count + s.control.share_variance() / s.control.count)
        for s in strata
        if s.weight
    )


def mean_effect(strata: Iterable[Stratum]) -> Effect | None:
    """The difference between two means (Welch's variance); None while a group has fewer than two
    customers in every stratum."""
    return _effect(
        (s, s.treated.variance() / s.treated.count + s.control.variance() / s.control.count)
        for s in strata
        if min(s.treated.count, s.control.count) > 1
    )


def _effect(parts: Iterable[tuple[Stratum, float]]) -> Effect | None:
    weights = weighted = variance = 0.0
    for stratum, own in parts:
        mean, other = stratum.treated.mean or 0.0, stratum.control.mean or 0.0
        weights += stratum.weight
        weighted += stratum.weight * (mean - other)
        variance += stratum.weight**2 * own
    if not weights:
        return None
    difference, half = weighted / weights, Z_95 * sqrt(variance) / weights
    return Effect(difference, difference - half, difference + half)


def customers_needed(base: float, detect: float, treated_share: float) -> int | None:
    """How many customers, treated and control together, show a difference of `detect` between shares in
    four cases of five (power 80 %, two sides, 5 %), when `base` of those left alone do it anyway.

    None when everybody is treated, or nobody.
    """
    if not 0 < treated_share < 1:
        return None
    raised = min(max(base + detect, 0.0), 1.0)
    spread = raised * (1 - raised) / treated_share + base * (1 - base) / (1 - treated_share)
    return ceil((Z_95 + Z_80_POWER) ** 2 * spread / detect**2)
