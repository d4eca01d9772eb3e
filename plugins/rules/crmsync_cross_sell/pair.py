"""Pairs of products in one order: how often, and how far beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts
from crmsync.sdk.stats import wilson

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Pair:
    """A product in `orders` of all `baskets`, its companion in `others`, and both in `together` of them."""

    companion: str
    together: int
    orders: int
    others: int
    baskets: int

    @property
    def support(self) -> float:
        return self.together / self.baskets

    @property
    def confidence(self) -> float:
        return self.together / self.orders

    @property
    def lift(self) -> float:
        """Confidence in units of how common the companion is in all orders."""
        return self.confidence * self.baskets / self.others

    @cached_property
    def least_lift(self) -> float:
        """The same at the low end of the confidence's 95 % interval."""
        return wilson(self.together, self.orders)[0] * self.baskets / self.others


def companions(text: str | None) -> Iterator[tuple[str, int]]:
    """Each companion with the number of orders they share."""
    for line in (text or "").splitlines():
        product, _, together = line.rpartition(" ")
        yield product, int(together)


def beside(product: str, companion: str) -> str:
    """The key of a companion in the same shop: `shop/a` and `b` make `shop/b`."""
    return f"{product.split('/', 1)[0]}/{companion}"


def orders_of_companions(facts: Facts, together: int) -> dict[str, int]:
    """How many orders hold each product that shares `together` orders with another one."""
    wanted = {
        beside(product, companion)
        for product, text in zip(facts.ids.tolist(), facts["companions"], strict=True)
        for companion, shared in companions(text)
        if shared >= together
    }
    orders = zip(facts.ids.tolist(), facts["orders"].tolist(), strict=True)
    return {product: int(count) for product, count in orders if product in wanted}


def baskets(facts: Facts) -> dict[str, int]:
    """How many orders each shop had."""
    counts = zip(facts.ids.tolist(), facts["basket_orders"].tolist(), strict=True)
    return {product.split("/", 1)[0]: int(count) for product, count in counts}


def pairs(
    facts: Facts,
    row: int,
    orders: dict[str, int],
    shops: dict[str, int],
    together: int,
    holds: Callable[[Pair], bool] = lambda pair: True,
) -> list[Pair]:
    """The pairs of one product for which this holds, the one with the highest lift first.

    `orders` of companions and of whole `shops` are as they were learned: a product's verdict must not
    change with what other products sell.
    """
    shop, own = facts.ids[row].split("/", 1)[0], int(facts["orders"][row])
    total = max(shops.get(shop, 0), own)
    found = (
        Pair(companion, shared, max(own, shared), max(orders[key], shared), total)
        for companion, shared in companions(facts["companions"][row])
        if shared >= together and (key := f"{shop}/{companion}") in orders
    )
    return sorted(filter(holds, found), key=lambda pair: (-pair.least_lift, pair.companion))
