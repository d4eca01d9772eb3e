"""Where tiers begin, and how much of everything the top brings: measured, not assumed."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_CURVE = (0.01, 0.05, 0.1, 0.2, 0.5)


def pyramid(worth: Array, tiers: dict[str, float]) -> dict[str, Any]:
    """Of what customers of one currency count: the least in each tier, and the curve of concentration."""
    import numpy as np

    falling = np.sort(worth)[::-1]
    # Where nobody has earned a point there is nothing to share.
    total, n = max(float(falling.sum()), 1e-9), len(falling)
    # Gini's coefficient: 0 where all count the same, near 1 where one counts for all.
    places = np.arange(n, 0, -1)
    return {
        "customers": n,
        "cutoffs": {tier: float(falling[ceil(share * n) - 1]) for tier, share in tiers.items()},
        "concentration": {f"{share:g}": float(falling[: ceil(share * n)].sum() / total) for share in _CURVE},
        "gini": float((2 * (places * falling).sum() / (n * total)) - (n + 1) / n),
    }
