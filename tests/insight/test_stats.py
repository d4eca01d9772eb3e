from __future__ import annotations

import lzma
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from crmsync.sdk import NotEnoughEvidence
from crmsync.sdk.stats import PurchaseModel, RatePrior, fit_prior, fit_purchases, wilson
from crmsync.sdk.stats.purchase import Kind, _groups, _Loss


@pytest.mark.parametrize(
    ("hits", "tries", "low", "high"),
    [
        (1, 1, 0.2065, 1.0),
        (0, 1, 0.0, 0.7935),
        (2, 5, 0.1176, 0.7693),
        (6, 20, 0.1455, 0.5190),
        (25, 100, 0.1755, 0.3430),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(hits: int, tries: int, low: float, high: float) -> None:
    assert wilson(hits, tries) == pytest.approx((low, high), abs=5e-5)


def test_the_prior_of_simulated_rates_is_found() -> None:
    random = np.random.default_rng(1)
    tries = random.integers(1, 60, 4000).astype(float)
    hits = random.binomial(tries.astype(int), random.beta(2, 18, 4000)).astype(float)
    prior = fit_prior(hits, tries)
    assert prior.mean == pytest.approx(0.1, abs=0.005)
    assert prior.strength == pytest.approx(20, rel=0.15)


def test_one_of_one_says_little() -> None:
    prior = RatePrior(0.1286, (43.3,))
    rate = prior.rate(np.array([1.0]), np.array([1.0]))
    assert rate[0] == pytest.approx(0.148, abs=0.001)
    assert prior.exceeds(np.array([1.0]), np.array([1.0]), 0.15)[0] < 0.6


def test_where_subjects_hardly_differ_their_own_counts_count_for_little() -> None:
    """The likeliest prior takes chance for difference; a prior of all strengths does so less."""
    random = np.random.default_rng(3)
    tries = random.integers(1, 12, 400).astype(float)
    hits = random.binomial(tries.astype(int), 0.13).astype(float)
    prior = fit_prior(hits, tries)
    assert prior.strength > 100
    assert abs(prior.rate(hits, tries) - hits.sum() / tries.sum()).mean() < 0.01
    assert sum(prior.weights) == pytest.approx(1)


def test_no_strength_above_a_limit() -> None:
    prior = RatePrior(0.1, (10.0, 100.0, 1000.0), (0.5, 0.25, 0.25)).at_most(50)
    alike = RatePrior(0.1, (10.0, 50.0), (0.5, 0.5))
    hits, tries = np.array([3.0, 0.0]), np.array([5.0, 40.0])
    assert prior.rate(hits, tries) == pytest.approx(alike.rate(hits, tries))
    assert prior.exceeds(hits, tries, 0.2) == pytest.approx(alike.exceeds(hits, tries, 0.2))
    assert RatePrior.loaded(prior.dumped()) == prior


@pytest.mark.parametrize(("hits", "tries"), [([0.0] * 20, [5.0] * 20), ([1.0] * 5, [5.0] * 5)])
def test_no_prior_without_evidence(hits: list[float], tries: list[float]) -> None:
    with pytest.raises(NotEnoughEvidence):
        fit_prior(np.array(hits), np.array(tries))


def test_nobody_bought_twice() -> None:
    with pytest.raises(NotEnoughEvidence):
        fit_purchases(np.zeros(50), np.zeros(50), np.full(50, 90.0))


def test_buyers_at_a_constant_rate_are_a_degenerate_history() -> None:
    random = np.random.default_rng(2)
    T = np.full(800, 280.0)
    x = random.poisson(8, 800).astype(float)
    t_x = np.where(x > 0, np.floor(T * random.random(800) ** (1 / np.maximum(x, 1))), 0)
    for kind in ("bgnbd", "mbgnbd"):
        assert fit_purchases(x, t_x, T, kind).degenerate


def test_only_bgnbd_holds_one_time_buyers_alive_for_certain() -> None:
    once = np.array([0.0]), np.array([0.0]), np.array([300.0])
    assert PurchaseModel("bgnbd", 0.24, 4.4, 0.8, 2.4).alive(*once)[0] == 1
    assert PurchaseModel("mbgnbd", 0.52, 6.2, 0.9, 1.6).alive(*once)[0] < 0.7


@pytest.mark.parametrize("kind", ["bgnbd", "mbgnbd"])
def test_more_is_expected_of_longer_horizons_and_shorter_silence(kind: str) -> None:
    model = PurchaseModel(kind, 0.5, 6.0, 1.0, 1.6)  # type: ignore[arg-type]
    x, t_x = np.array([3.0, 3.0, 0.0]), np.array([200.0, 50.0, 0.0])
    T = np.full(3, 210.0)
    near, far = model.expected(x, t_x, T, 30), model.expected(x, t_x, T, 300)
    assert (far > near).all()
    assert near[0] > near[1] > 0
    assert (model.buys(x, t_x, T, 30) <= near).all()


@pytest.fixture(scope="module")
def cdnow(shared: Path) -> dict[str, np.ndarray]:
    """The CDNOW sample: purchases to 1997-09-30, and how many came in the 39 weeks after."""
    end = date(1997, 9, 30)
    days: dict[str, set[date]] = {}
    with lzma.open(shared / "data/cdnow/CDNOW_sample.txt.xz", "rt") as lines:
        for _, customer, when, *_ in (line.split() for line in lines if line.strip()):
            days.setdefault(customer, set()).add(datetime.strptime(when, "%Y%m%d").date())
    rows = []
    for bought in days.values():
        before = sorted(day for day in bought if day <= end)
        rows.append(
            (
                len(before) - 1,
                (before[-1] - before[0]).days,
                (end - before[0]).days,
                len(bought) - len(before),
            )
        )
    return dict(zip(("x", "t_x", "T", "after"), np.array(rows, float).T, strict=True))


@pytest.mark.shared
@pytest.mark.parametrize(
    ("kind", "r", "alpha", "a", "b", "likelihood"),
    [
        ("bgnbd", 0.2426, 4.4136, 0.7929, 2.4259, -9582.43),
        ("mbgnbd", 0.5248, 6.1831, 0.8914, 1.6140, -9582.14),
    ],
)
def test_the_published_fits_of_cdnow(
    cdnow: dict[str, np.ndarray], kind: str, r: float, alpha: float, a: float, b: float, likelihood: float
) -> None:
    model = fit_purchases(cdnow["x"], cdnow["t_x"], cdnow["T"], kind)  # type: ignore[arg-type]
    assert model.converged
    assert not model.degenerate
    assert model.r == pytest.approx(r, abs=0.002)
    assert model.alpha == pytest.approx(alpha, abs=0.02)
    assert model.a == pytest.approx(a, abs=0.01)
    assert model.b == pytest.approx(b, abs=0.04)
    assert model.log_likelihood == pytest.approx(likelihood, abs=0.1)


@pytest.mark.shared
def test_the_published_forecast_of_cdnow(cdnow: dict[str, np.ndarray]) -> None:
    model = fit_purchases(cdnow["x"], cdnow["t_x"], cdnow["T"], "bgnbd")
    expected = model.expected(cdnow["x"], cdnow["t_x"], cdnow["T"], 273)
    assert np.corrcoef(expected, cdnow["after"])[0, 1] == pytest.approx(0.626, abs=0.002)
    assert expected.sum() == pytest.approx(1653.4, abs=1)


@pytest.mark.parametrize("kind", ["bgnbd", "mbgnbd"])
def test_grouping_by_weeks_moves_the_fit_little(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    size = 3000
    rate, leave = random.gamma(0.8, 1 / 8, size) / 7, random.beta(1, 3, size)
    T = random.integers(100, 300, size).astype(float)
    x, t_x = np.zeros(size), np.zeros(size)
    for i in range(size):
        now = 0.0
        while (now := now + random.exponential(1 / rate[i])) < T[i]:
            x[i], t_x[i] = x[i] + 1, np.floor(now)
            if random.random() < leave[i]:
                break
    exact = fit_purchases(x, t_x, T, kind)  # type: ignore[arg-type]
    monkeypatch.setattr("crmsync.sdk.stats.purchase._MAX_GROUPS", 10)
    weekly = fit_purchases(x, t_x, T, kind)  # type: ignore[arg-type]
    ahead = [model.expected(x, t_x, T, 90).sum() for model in (exact, weekly)]
    assert ahead[1] == pytest.approx(ahead[0], rel=0.02)


@pytest.mark.parametrize("kind", ["bgnbd", "mbgnbd"])
@pytest.mark.parametrize("at", [(0.5, 5.0, 0.8, 2.0), (2.0, 20.0, 0.2, 2.0), (0.1, 20.0, 3.0, 0.4)])
def test_the_slope_of_a_likelihood_is_its_own(kind: Kind, at: tuple[float, ...]) -> None:
    from scipy.optimize import approx_fprime

    chance = np.random.default_rng(1)
    x, T = chance.integers(0, 5, 300).astype(float), chance.integers(50, 300, 300).astype(float)
    loss = _Loss(_groups(x, np.where(x > 0, np.floor(T * chance.random(300)), 0), T), kind)
    place = np.log(at)
    assert loss(place)[1] == pytest.approx(approx_fprime(place, lambda p: loss(p)[0], 1e-7), abs=1e-5)
