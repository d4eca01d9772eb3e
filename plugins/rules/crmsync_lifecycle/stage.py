"""The stages of the relation. Decline may begin at any of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, Model, mark
from crmsync.sdk.stats import PurchaseModel, ratio
from crmsync_lifecycle.settings import LifecycleSettings
from crmsync_lifecycle.steady import steady

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

STATES = {
    mark("exploration"): mark("{purchases} purchases so far, the last on {last}: still trying the shop."),
    mark("build_up"): mark("{purchases} purchases since {first}, the last on {last}: more and more often."),
    mark("stable"): mark("{purchases} purchases since {first}, one every {gap} days."),
    mark("decline"): mark(
        "No purchase since {last}, after {purchases} of them: chance of still being a customer below {alive}."
    ),
}
SILENT = mark("No purchase since {last}, for more than {silence} days.")
SPENDS_LESS = mark("The last three orders are worth {share} less than an order used to be.")
UNSEEN = mark("Whether the customer needs less or buys elsewhere cannot be seen from here.")


def chance_alive(facts: Facts, model: Model | None, settings: LifecycleSettings) -> Array:
    """The chance that each buyer is still a customer; without a model 0 or 1, by the silence alone."""
    if model is None or model.kind == "silence":
        longest = model.parameters["days"] if model else settings.lost_after.days
        return (facts["recency_days"] < longest).astype(float)  # type: ignore[no-any-return]
    return PurchaseModel(**model.parameters).alive(facts["x"], facts["t_x"], facts["T"])


def spends_less(facts: Facts, settings: LifecycleSettings) -> Array:
    """Whose last three orders, of six or more, are worth far less than their orders on average."""
    import numpy as np

    enough = facts["currency_orders"] >= 6
    now = np.where(enough, facts["last_three_average"], 0.0)
    usual = np.nan_to_num(ratio(facts["gross"], facts["currency_orders"]))
    return enough & (now <= (1 - settings.spend_drop) * usual)  # type: ignore[no-any-return]


def stages(facts: Facts, alive: Array, less: Array, settings: LifecycleSettings) -> Array:
    """Each buyer's stage, given the chance of being alive and whose orders are worth less now."""
    import numpy as np

    return np.select(
        [
            less | (alive < settings.alive),
            facts["purchase_days"] <= settings.exploration,
            steady(facts, settings),
        ],
        ["decline", "exploration", "stable"],
        "build_up",
    )
