from __future__ import annotations

import numpy as np
import pytest
from scipy.special import hyp2f1

from crmsync.testing.almanac import DAY
from crmsync.testing.population import Buyer, Process, population

START = 1_760_000_000
WEEKS = 30


@pytest.fixture(scope="module")
def buyers() -> list[Buyer]:
    return population(5, 6000, START, START + 100 * DAY, START + 100 * DAY + WEEKS * 7 * DAY, Process())


@pytest.fixture(scope="module")
def repeats(buyers: list[Buyer]) -> np.ndarray:
    """Repeat purchases of each buyer in the first thirty weeks after the first one."""
    span = WEEKS * 7 * DAY
    return np.array(
        [
            sum(at - buyer.purchases[0] <= span for at in buyer.purchases) - 1
            for buyer in buyers[:6000]
            if buyer.purchases
        ]
    )


def test_mean_repeat_purchases_are_those_of_the_bg_nbd_model(repeats: np.ndarray) -> None:
    p, t = Process(), float(WEEKS)
    expected = (p.a + p.b - 1) / (p.a - 1)
    expected *= 1 - (p.alpha / (p.alpha + t)) ** p.r * hyp2f1(p.r, p.b, p.a + p.b - 1, t / (p.alpha + t))
    assert repeats.mean() == pytest.approx(expected, rel=0.06)


def test_share_without_a_repeat_is_that_of_the_bg_nbd_model(repeats: np.ndarray) -> None:
    p = Process()
    assert (repeats == 0).mean() == pytest.approx((p.alpha / (p.alpha + WEEKS)) ** p.r, abs=0.02)


def test_leaving_follows_the_beta_of_the_model(buyers: list[Buyer]) -> None:
    p = Process()
    left = [b.left_at == b.purchases[1] for b in buyers if len(b.purchases) > 1]
    assert np.mean(left) == pytest.approx(p.a / (p.a + p.b), abs=0.03)


def test_mean_worth_of_a_basket_is_that_of_the_gamma_gamma_model(buyers: list[Buyer]) -> None:
    p = Process()
    assert np.mean([b.taste for b in buyers]) == pytest.approx(100 * p.p * p.v / (p.q - 1), rel=0.08)


def test_nobody_buys_after_leaving(buyers: list[Buyer]) -> None:
    assert all(b.left_at == b.purchases[-1] for b in buyers if b.left_at is not None)


def test_purchases_come_in_order_and_after_the_registration(buyers: list[Buyer]) -> None:
    for buyer in buyers:
        assert buyer.purchases == sorted(set(buyer.purchases))
        assert all(at > buyer.registered_at for at in buyer.purchases)


def test_consents_are_as_common_as_promised(buyers: list[Buyer]) -> None:
    assert np.mean([b.promo for b in buyers]) == pytest.approx(0.70, abs=0.03)
    assert np.mean([b.service for b in buyers]) == pytest.approx(0.97, abs=0.01)


@pytest.mark.parametrize("hour", [0, 3, 9, 15, 23])
def test_exactly_so_many_have_registered_at_any_hour_of_now(hour: int) -> None:
    now = START + hour * 3600
    buyers = population(5, 3000, now - 10 * DAY, now, now + 10 * DAY, Process())
    assert sum(buyer.registered_at <= now for buyer in buyers) == 3000
