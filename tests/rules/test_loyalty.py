from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crmsync_loyalty.rule import Loyalty
from hand_facts import facts, findings, rule, told


def customer(**more: Any) -> dict[str, Any]:
    """A regular buyer of one product, for a year and more."""
    return {
        "orders": 10,
        "purchase_days": 10,
        "x": 9,
        "t_x": 360,
        "T": 380,
        "mean_gap_days": 40,
        "gap_sd_days": 10,
        "recency_days": 20,
        "products": 1,
        "categories": 1,
        **more,
    }


def test_the_features_are_counted_and_told() -> None:
    given = facts(
        "customer",
        [
            customer(products=5, categories=3, good_reviews=2, orders_after_trouble=4),
            customer(products=5, categories=3),
            customer(),
            customer(recency_days=90),
        ],
    )
    found = findings(rule(Loyalty), given)
    assert {id: (f.level, f.raises) for id, f in found.items()} == {
        "0": ("high", True),
        "1": ("medium", True),
        "2": ("medium", False),
    }
    assert told(found["0"]) == [
        "Buys regularly: 10 purchases, one every 40 days.",
        "Buys across the shop: 5 products in 3 categories.",
        "Recommends: 2 good reviews.",
        "Has stayed for 360 days and keeps to the usual rhythm.",
        "Bought 4 times more after something had gone wrong.",
    ]
    assert found["0"].score == 1


@pytest.mark.parametrize(
    "irregular", [{"gap_sd_days": 41}, {"gap_sd_days": np.nan}, {"purchase_days": 3}], ids=str
)
def test_who_does_not_buy_regularly_is_not_loyal(irregular: dict[str, float]) -> None:
    warm = {"products": 5, "categories": 3, "good_reviews": 2, "orders_after_trouble": 4}
    assert findings(rule(Loyalty), facts("customer", [customer(**warm, **irregular)])) == {}


def test_where_no_category_is_known_products_count() -> None:
    given = facts("customer", [customer(categories=0, products=3), customer(categories=0, products=2)])
    assert [f.raises for f in findings(rule(Loyalty), given).values()] == [True, False]


def test_levels_are_in_order() -> None:
    with pytest.raises(ValueError, match="must not be below"):
        rule(Loyalty, medium=4, high=3)


def test_a_backtest_ranks_by_features_and_then_by_purchases() -> None:
    loyalty = rule(Loyalty)
    given = facts("customer", [customer(), customer(categories=3), customer(x=2, orders=3), {"orders": 0}])
    score = loyalty.forecast(given, None).score  # type: ignore[attr-defined]
    assert score[1] > score[0] > score[2]
    assert np.isnan(score[3])
    later = facts("customer", [{"last_order_at": given.as_of.timestamp() + days} for days in (1, -1, 0, 1)])
    assert loyalty.happened(given, later).tolist()[:3] == [1, 0, 0]  # type: ignore[attr-defined]
