"""What is measured of a ranking, against counting it by hand."""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.rules.backtest.auc import areas, around, influence
from crmsync.rules.backtest.measure import MINIMUM_OF_EACH, calibration, measure


def scored(seed: int, size: int, pull: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who it happened to, a score that knows something of it, and one that knows less; many ties."""
    random = np.random.default_rng(seed)
    hit = random.random(size) < 0.4
    good, weak = (np.round(random.normal(size=size) + share * hit, 1) for share in (pull, pull / 2))
    return hit, good, weak


def by_pairs(score: np.ndarray, hit: np.ndarray) -> float:
    ahead = np.sign(score[hit][:, None] - score[~hit][None, :])
    return float((ahead + 1).mean() / 2)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    hit, good, weak = scored(1, 300, 1.0)
    found = areas(good, weak, hit)
    assert found.first.value == pytest.approx(by_pairs(good, hit))
    assert found.second.value == pytest.approx(by_pairs(weak, hit))
    assert found.difference.value == pytest.approx(found.first.value - found.second.value)


def test_the_intervals_are_those_of_drawing_again() -> None:
    hit, good, weak = scored(2, 400, 1.0)
    found = areas(good, weak, hit)
    random = np.random.default_rng(3)
    drawn = [random.integers(0, len(hit), len(hit)) for _ in range(400)]
    again = np.array(
        [
            (by_pairs(good[at], hit[at]), by_pairs(good[at], hit[at]) - by_pairs(weak[at], hit[at]))
            for at in drawn
        ]
    )
    for interval, values in ((found.first, again[:, 0]), (found.difference, again[:, 1])):
        assert interval.low == pytest.approx(np.quantile(values, 0.025), abs=0.012)
        assert interval.high == pytest.approx(np.quantile(values, 0.975), abs=0.012)


def test_what_each_subject_moves_makes_the_same_interval() -> None:
    hit, good, weak = scored(2, 400, 1.0)
    found = areas(good, weak, hit).difference
    moved = influence(good, weak, hit)
    again = around(found.value, moved)
    assert moved.sum() == pytest.approx(0, abs=1e-12)
    assert (again.low, again.high) == (
        pytest.approx(found.low, abs=1e-3),
        pytest.approx(found.high, abs=1e-3),
    )


def test_the_same_subjects_twice_prove_no_more_than_once() -> None:
    hit, good, weak = scored(2, 400, 1.0)
    moved = influence(good, weak, hit)
    once, twice = around(0.1, moved), around(0.1, (moved + moved) / 2)
    assert (once.low, once.high) == (pytest.approx(twice.low), pytest.approx(twice.high))


def test_a_score_is_not_ahead_of_itself() -> None:
    hit, good, _ = scored(4, 200, 0.5)
    difference = areas(good, good, hit).difference
    assert (difference.low, difference.value, difference.high) == (0, 0, 0)


def test_precision_recall_and_lift_are_of_what_was_flagged() -> None:
    hit = np.array([1, 1, 0, 1, 0, 0, 0, 0] * 10, bool)
    score = np.tile(np.arange(8.0)[::-1], 10)
    flagged = score >= 6
    measured = measure(hit, score, -score, flagged, None)
    assert measured
    assert (measured.n, measured.happened, measured.base_rate) == (80, 30, 0.375)
    assert (measured.rule.flagged, measured.rule.precision, measured.rule.recall) == (20, 1.0, 2 / 3)
    assert measured.rule.lift == pytest.approx(1 / 0.375)
    assert (measured.thumb.flagged, measured.thumb.precision) == (20, 0)
    assert (measured.everyone.flagged, measured.everyone.precision, measured.everyone.recall) == (
        80,
        0.375,
        1,
    )


def test_precision_at_half_of_all_found() -> None:
    hit = np.array([1, 0, 1, 1, 0, 1, 0, 0] * 10, bool)
    score = np.tile(np.arange(8.0)[::-1], 10)
    measured = measure(hit, score, np.zeros(80), score > 9, None)
    assert measured
    # Half of all 40 are found with the third place: 20 of the first 30.
    assert measured.rule.precision_at_recall_50 == pytest.approx(2 / 3)
    assert measured.thumb.precision_at_recall_50 == pytest.approx(0.5)
    assert measured.rule.precision is None


def test_gains_go_from_nothing_to_all() -> None:
    hit, good, weak = scored(5, 300, 1.0)
    measured = measure(hit, good, weak, good > 1, None)
    assert measured
    gains = measured.rule.gains
    assert (gains[0], gains[-1]) == (0, pytest.approx(1))
    assert list(gains) == sorted(gains)
    assert sum(gains) > sum(measured.thumb.gains)


def test_too_few_of_one_kind_make_no_ranking() -> None:
    hit = np.arange(200) < MINIMUM_OF_EACH - 1
    measured = measure(hit, np.arange(200.0), np.arange(200.0), hit, None)
    assert measured
    assert measured.rule.auc is None
    assert measured.difference is None
    assert measured.rule.precision == 1


def test_nobody() -> None:
    none = np.zeros(0)
    assert measure(none > 0, none, none, none > 0, none) is None


def test_chances_against_what_happened() -> None:
    chance = np.array([0.05, 0.05, 0.95, 1.0])
    low, high = calibration(chance, np.array([False, True, True, True]))
    assert (low.low, low.n, low.chance, low.happened) == (0.0, 2, 0.05, 0.5)
    assert (high.high, high.n, high.chance, high.happened) == (1.0, 2, 0.975, 1.0)
