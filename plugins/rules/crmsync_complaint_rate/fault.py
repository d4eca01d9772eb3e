"""The same fault reported by many: complaints of one type, far more of them than is usual here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, mark

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FAULTS = {
    "complaints_product": mark(
        "{count} complaints of the product itself in {orders} orders ({rate}, usually {usual}):"
        " the same fault may be behind them."
    ),
    "complaints_logistics": mark(
        "{count} complaints of delivery in {orders} orders ({rate}, usually {usual}):"
        " the same fault may be behind them."
    ),
    "complaints_service": mark(
        "{count} complaints of the service in {orders} orders ({rate}, usually {usual}):"
        " the same fault may be behind them."
    ),
    "complaints_contract": mark(
        "{count} complaints of what was agreed in {orders} orders ({rate}, usually {usual}):"
        " the same fault may be behind them."
    ),
}


def usual_faults(facts: Facts) -> dict[str, float]:
    """How many complaints of each type there are per order, over all subjects; none of types nobody makes."""
    orders = float(facts["orders"].sum())
    found = {name: float(facts[name].sum()) for name in FAULTS}
    return {name: count / orders for name, count in found.items() if count and orders}


def recurring(facts: Facts, usual: dict[str, float], factor: float, reports: int) -> tuple[Array, Array]:
    """Of each subject the type that is most surely recurring, and how sure that is.

    Sure is the probability that there were fewer complaints if the subject's rate was `factor` times the
    usual one; no type and 0 with fewer than `reports`.
    """
    import numpy as np
    from scipy.special import bdtr

    orders = facts["orders"]
    kind, surest = np.full(len(facts), "", dtype=object), np.zeros(len(facts))
    for name, rate in usual.items():
        hits = np.minimum(facts[name], orders)
        rows = (hits >= reports).nonzero()[0]
        sure = np.zeros(len(facts))
        sure[rows] = bdtr(hits[rows] - 1, orders[rows].astype(int), min(factor * rate, 1.0))
        kind, surest = np.where(sure > surest, name, kind), np.maximum(sure, surest)
    return kind, surest
