"""A model's chances are moved where the past contradicts them, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.sdk.stats import chances, fit_adjustment, log_odds


def past(
    seed: int, size: int, effect: float, season: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chances a model gave, one fact of each subject, and what happened: the fact moved the odds."""
    random = np.random.default_rng(seed)
    said = random.uniform(0.05, 0.7, size)
    fact = random.normal(3, 2, size)
    true = chances(log_odds(said) + effect * (fact - 3) + season)
    return said, fact[:, None], random.random(size) < true


def test_what_the_model_missed_is_learned() -> None:
    said, fact, happened = past(1, 3000, 0.5)
    found = fit_adjustment(said, fact, happened)
    assert found
    assert found.weights[0] == pytest.approx(0.5, abs=0.08)
    assert found.centre[0] == pytest.approx(3, abs=0.15)
    assert found.moves(np.array([[found.centre[0]]]))[0] == pytest.approx(0)


@pytest.mark.parametrize("seed", range(5))
def test_a_model_that_was_right_is_left_alone(seed: int) -> None:
    assert fit_adjustment(*past(seed, 1500, 0.0)) is None


def test_a_good_season_is_not_carried_on() -> None:
    assert fit_adjustment(*past(2, 3000, 0.0, season=0.8)) is None


def test_few_outcomes_teach_nothing() -> None:
    said, fact, happened = past(3, 3000, 1.5)
    few = np.concatenate([happened.nonzero()[0][:29], (~happened).nonzero()[0]])
    assert fit_adjustment(said[few], fact[few], happened[few]) is None


def test_a_fact_that_is_the_same_for_all_teaches_nothing() -> None:
    said, fact, happened = past(4, 3000, 0.5)
    found = fit_adjustment(said, np.column_stack([fact, np.full(len(said), 7.0)]), happened)
    assert found
    assert found.weights[1] == 0
