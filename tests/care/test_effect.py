"""The arithmetic of a comparison, against numbers worked out elsewhere and against draws by chance."""

from __future__ import annotations

import random

import pytest

from crmsync.care.effect import Group, Stratum, customers_needed, mean_effect, share_effect


def share(count: int, hits: int) -> Group:
    return Group(count, hits, hits)


def mean(values: list[float]) -> Group:
    return Group(len(values), sum(values), sum(value * value for value in values))


def test_one_stratum_is_the_plain_difference() -> None:
    effect = share_effect([Stratum(share(200, 80), share(100, 30))])
    assert effect is not None
    assert effect.difference == pytest.approx(0.1)
    # Agresti & Caffo's variance: .40099·.59901/200 + .30392·.69608/100.
    assert effect.high - effect.difference == pytest.approx(1.959964 * 0.05759, rel=1e-3)
    assert not effect.shown


def test_a_season_that_differs_between_strata_is_no_effect() -> None:
    """Written to mostly in the good season and left alone mostly in the bad one, without any effect."""
    good, bad = Stratum(share(900, 450), share(100, 50)), Stratum(share(100, 10), share(900, 90))
    effect = share_effect([good, bad])
    assert effect is not None
    assert effect.difference == pytest.approx(0)
    lumped = share_effect([Stratum(good.treated + bad.treated, good.control + bad.control)])
    assert lumped is not None
    assert lumped.shown


def test_strata_are_weighted_by_what_they_can_say() -> None:
    large, small = Stratum(share(100, 60), share(100, 40)), Stratum(share(10, 10), share(10, 0))
    effect = share_effect([large, small, Stratum(share(50, 50), share(0, 0))])
    assert effect is not None
    assert effect.difference == pytest.approx((50 * 0.2 + 5 * 1.0) / 55)


def test_a_group_in_which_nothing_happened_is_not_certain() -> None:
    effect = share_effect([Stratum(share(20, 0), share(20, 0))])
    assert effect is not None
    assert effect.low < 0 < effect.high


@pytest.mark.parametrize("strata", [[], [Stratum(share(5, 1), Group())], [Stratum(Group(), share(5, 1))]])
def test_nobody_to_compare_with(strata: list[Stratum]) -> None:
    assert share_effect(strata) is None
    assert mean_effect(strata) is None


def test_means_by_welch() -> None:
    effect = mean_effect([Stratum(mean([10, 12, 14, 16]), mean([9, 10, 11]))])
    assert effect is not None
    assert effect.difference == pytest.approx(3)
    assert effect.high - 3 == pytest.approx(1.959964 * (20 / 3 / 4 + 1 / 3) ** 0.5)


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    dice, covered, rounds = random.Random(4), 0, 800
    for _ in range(rounds):
        strata = []
        for base, treated, control in ((0.1, 120, 60), (0.3, 60, 60)):
            more = sum(dice.random() < base + 0.05 for _ in range(treated))
            usual = sum(dice.random() < base for _ in range(control))
            strata.append(Stratum(share(treated, more), share(control, usual)))
        effect = share_effect(strata)
        assert effect is not None
        covered += effect.low <= 0.05 <= effect.high
    assert 0.93 <= covered / rounds <= 0.98


def test_customers_needed() -> None:
    # The usual rule, 16·p(1−p)/δ² an arm, with p between the two shares.
    each = customers_needed(0.29, 0.03, 0.5)
    assert each is not None
    assert each / 2 == pytest.approx(16 * 0.305 * 0.695 / 0.03**2, rel=0.03)
    assert customers_needed(0.29, 0.03, 0.9) > each  # type: ignore[operator]
    assert customers_needed(0.29, 0.03, 1.0) is None
