"""The five features of a loyal customer, as far as a shop can see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, mark
from crmsync_loyalty.settings import LoyaltySettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FEATURES = {
    "regular": mark("Buys regularly: {purchases} purchases, one every {gap} days."),
    "crosses": mark("Buys across the shop: {products} products in {categories} categories."),
    "recommends": mark("Recommends: {good_reviews} good reviews."),
    "stays": mark("Has stayed for {days} days and keeps to the usual rhythm."),
    "forgives": mark("Bought {orders_after_trouble} times more after something had gone wrong."),
}


def features(facts: Facts, settings: LoyaltySettings) -> dict[str, Array]:
    """Who shows each feature.

    Whom somebody recommends the shop to, and what rivals offer them, no shop knows: good reviews and
    staying stand for these two.
    """
    import numpy as np

    gap = facts["mean_gap_days"]
    several = np.where(
        facts["categories"] > 0,
        facts["categories"] >= settings.categories,
        facts["products"] > settings.categories,
    )
    return {
        "regular": (facts["purchase_days"] >= settings.purchases)
        & (np.nan_to_num(facts["gap_sd_days"], nan=np.inf) <= gap),
        "crosses": several,
        "recommends": facts["good_reviews"] > 0,
        "stays": (facts["T"] >= settings.years.days) & (facts["recency_days"] <= 2 * gap),
        "forgives": facts["orders_after_trouble"] > 0,
    }
