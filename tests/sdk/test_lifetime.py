"""What orders are worth, and customers."""

from __future__ import annotations

import numpy as np
import pytest

from crmsync.sdk import NotEnoughEvidence
from crmsync.sdk.stats import Prospect, PurchaseModel, SpendModel, customer_equity, fit_spend

# Fader, Hardie and Lee's parameters of the CDNOW sample.
PURCHASES = PurchaseModel("bgnbd", 0.243, 4.414, 0.793, 2.426)
SPEND = SpendModel(6.25, 3.74, 15.44)


def spenders(seed: int, size: int, p: float, q: float, v: float) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    orders = random.integers(1, 9, size)
    scale = random.gamma(q, 1 / v, size)
    return orders, random.gamma(p * orders, 1 / (scale * orders))


@pytest.mark.parametrize("unit", [1, 100])
def test_the_spend_of_simulated_customers_is_found_in_any_unit(unit: int) -> None:
    orders, average = spenders(1, 6000, 6.25, 3.74, 15.44)
    model = fit_spend(orders, average * unit)
    assert model.converged
    assert not model.degenerate
    assert model.q == pytest.approx(3.74, rel=0.1)
    # p and v can hardly be told apart; what they say together can.
    true = SPEND.mean(orders, average) * unit
    assert np.abs(model.mean(orders, average * unit) - true).mean() < 0.03 * true.mean()
    assert abs(model.correlation) < 0.05


def test_who_never_spent_is_no_evidence() -> None:
    orders, average = spenders(2, 500, 6.0, 4.0, 15.0)
    more = fit_spend(np.append(orders, [0, 3]), np.append(average, [np.nan, 0.0]))
    assert more.customers == 500
    with pytest.raises(NotEnoughEvidence, match="9 customers"):
        fit_spend(orders[:9], average[:9])


def test_everybody_spends_alike() -> None:
    random = np.random.default_rng(3)
    orders = random.integers(1, 9, 800)
    assert fit_spend(orders, random.gamma(5.0 * orders, 10 / (5.0 * orders))).degenerate


def test_the_mean_moves_from_the_shops_to_the_customers_own() -> None:
    orders, average = np.array([0.0, 1.0, 100.0]), np.array([np.nan, 80.0, 80.0])
    mean = SPEND.mean(orders, average)
    assert mean[0] == pytest.approx(6.25 * 15.44 / 2.74)
    assert mean[0] < mean[1] < mean[2] == pytest.approx(80, rel=0.01)


def test_a_value_is_purchases_times_worth_times_margin() -> None:
    history = {"x": np.array([2.0, 0.0]), "t_x": np.array([200.0, 0.0]), "T": np.array([270.0, 270.0])}
    basket = {"orders": np.array([3.0, 1.0]), "average": np.array([30.0, 30.0])}
    value = Prospect(365, discount=0, margin=0.2).value(PURCHASES, SPEND, **history, **basket)
    expected = PURCHASES.expected(*history.values(), 365) * SPEND.mean(*basket.values()) * 0.2
    assert value == pytest.approx(expected)
    assert value[0] > value[1] > 0


def test_later_money_counts_less() -> None:
    history = np.array([2.0]), np.array([200.0]), np.array([270.0])
    now, later = (Prospect(730, discount=rate).discounted(PURCHASES, *history)[0] for rate in (0.0, 0.15))
    assert now * 1.15**-2 < later < now * 0.95


def test_equity_adds_nothing_across_currencies() -> None:
    currency = np.array(["CNY", "USD", "CNY", None], dtype=object)
    assert customer_equity(np.array([1.0, 2.0, 4.0, 8.0]), currency) == {"CNY": 5.0, "USD": 2.0}
