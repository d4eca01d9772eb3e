"""What a customer counts by: net spend, a value forecast, or points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, NotEnoughEvidence, exponent
from crmsync.sdk.stats import Prospect, PurchaseModel, SpendModel, fit_purchases, fit_spend, ratio
from crmsync_vip.settings import VipSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_PURCHASES = ("kind", "r", "alpha", "a", "b")
_SPEND = ("p", "q", "v")


def fit_forecast(facts: Facts, currencies: list[str]) -> dict[str, Any] | None:
    """When they buy again, and per currency how much for; None where one of the models is not usable."""
    bought = facts["purchase_days"] > 0
    try:
        purchases = fit_purchases(*(facts[name][bought] for name in ("x", "t_x", "T")))
        spend = {
            currency: fit_spend(*_orders(facts, bought & (facts["currency"] == currency)))
            for currency in currencies
        }
    except NotEnoughEvidence:
        return None
    if any(not model.converged or model.degenerate for model in (purchases, *spend.values())):
        return None
    return {
        "purchases": {name: getattr(purchases, name) for name in _PURCHASES},
        "spend": {
            currency: {name: getattr(model, name) for name in _SPEND} for currency, model in spend.items()
        },
    }


def worth(
    facts: Facts, rows: Array, currency: str, settings: VipSettings, forecast: dict[str, Any] | None
) -> Array:
    """What these customers count, all of one currency: minor units, or points.

    `forecast` holds when they buy and how much for in this currency.
    """
    if settings.by == "points":
        unit, points = 10 ** exponent(currency), settings.points
        return (  # type: ignore[no-any-return]
            points.spent * facts["net"][rows] / unit
            + points.order * facts["orders"][rows]
            + points.review * facts["reviews"][rows]
        )
    if settings.by == "net" or forecast is None:
        return facts["net"][rows]  # type: ignore[no-any-return]
    prospect = Prospect(settings.horizon.days, settings.discount, settings.margin)
    orders, average = _orders(facts, rows)
    return prospect.value(
        PurchaseModel(**forecast["purchases"]),
        SpendModel(**forecast["spend"]),
        x=facts["x"][rows],
        t_x=facts["t_x"][rows],
        T=facts["T"][rows],
        orders=orders,
        average=average,
    )


def _orders(facts: Facts, rows: Array) -> tuple[Array, Array]:
    count = facts["currency_orders"][rows]
    return count, ratio(facts["net"][rows], count)
