from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from crmsync_cross_sell.pair import Pair, pairs
from crmsync_cross_sell.rule import CrossSell
from hand_facts import facts, findings, rule, told


def product(id: str, orders: int, companions: str = "", baskets: int = 1000) -> dict[str, Any]:
    return {"id": f"shop/{id}", "orders": orders, "companions": companions, "basket_orders": baskets}


SHOP = [
    product("beer", 100, "diapers 60\ntea 20\nrare 3"),
    product("diapers", 80, "beer 60"),
    product("tea", 600, "beer 20"),
    product("rare", 5, "beer 3"),
    product("alone", 50),
]


def test_support_confidence_and_lift() -> None:
    pair = Pair("diapers", together=60, orders=100, others=80, baskets=1000)
    assert (pair.support, pair.confidence, pair.lift) == pytest.approx((0.06, 0.6, 7.5))
    assert pair.least_lift == pytest.approx(0.502 * 1000 / 80, abs=0.01)


def test_what_is_bought_together_beyond_chance() -> None:
    cross, given = rule(CrossSell), facts("product", SHOP)
    model = cross.fit(given)
    assert model
    assert model.parameters == {
        "orders": {"shop/beer": 100, "shop/diapers": 80, "shop/tea": 600},
        "shops": {"shop": 1000},
    }
    found = findings(cross, given, model)
    assert {id: f.level for id, f in found.items()} == {"shop/beer": "high", "shop/diapers": "high"}
    (reason,) = told(found["shop/beer"])
    assert reason == (
        "60% of its orders hold diapers as well (60 of 100): 7.5 times as often as by chance,"
        " in 6.00% of all orders."
    )
    assert found["shop/beer"].reasons[0].evidence == ("shop/diapers",)


@pytest.mark.parametrize(
    "stricter", [{"together": 61}, {"support": "7%"}, {"confidence": "80%", "slack": 0}, {"lift": 9}], ids=str
)
def test_each_threshold_alone_clears(stricter: dict[str, Any]) -> None:
    cross, given = rule(CrossSell, **{"slack": 0, **stricter}), facts("product", SHOP)
    assert "shop/beer" not in findings(cross, given, cross.fit(given))


def test_a_band_keeps() -> None:
    cross, given = rule(CrossSell, lift=6.5), facts("product", SHOP)
    assert [f.raises for f in findings(cross, given, cross.fit(given)).values()] == [False, False]


def test_a_shop_of_single_products_is_refused() -> None:
    model = rule(CrossSell).fit(facts("product", [product("a", 9, "b 2"), product("b", 9, "a 2")]))
    assert model
    assert model.refusal
    assert "10 orders" in model.refusal.text()


def test_companions_are_of_the_same_shop() -> None:
    given = facts("product", [{**SHOP[0], "id": "one/beer"}, {**SHOP[1], "id": "two/diapers"}])
    assert pairs(given, 0, {"two/diapers": 80}, {"one": 1000}, 10) == []


def test_a_backtest_looks_at_the_new_orders() -> None:
    cross, then = rule(CrossSell), facts("product", SHOP)
    later = facts(
        "product",
        [
            product("beer", 120, "diapers 70", 1200),
            product("diapers", 96, "beer 60", 1200),
            product("tea", 602, "", 1200),
            product("rare", 50, "", 1200),
            product("alone", 90, "", 1200),
        ],
    )
    outcome = cross.happened(then, later)  # type: ignore[attr-defined]
    assert outcome[:2].tolist() == [1, 0]
    assert np.isnan(outcome[2:]).all()
    score = cross.forecast(then, cross.fit(then)).score  # type: ignore[attr-defined]
    assert score[0] == pytest.approx(6.27, abs=0.1)
    assert np.isnan(score[3:]).all()
