"""What the chance of a purchase is learned from: who bought lately, by what was known before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts
from crmsync.sdk.stats import ratio

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def buyers(facts: Facts) -> Array:
    """The rows of those who ever bought."""
    return (facts["orders"] > 0).nonzero()[0]  # type: ignore[no-any-return]


def evidence(facts: Facts, rows: Array, horizon: float) -> Array:
    """A column each: recency, frequency, both, rate, rhythm, spend, breadth, and answers to messages."""
    import numpy as np

    recency, x = np.log1p(facts["recency_days"][rows]), np.log1p(facts["x"][rows])
    rate = np.log1p(facts["x"][rows] * horizon / np.maximum(facts["T"][rows], 1.0))
    # How much of the usual gap has passed; one-time buyers have no rhythm yet.
    rhythm = np.minimum(np.nan_to_num(ratio(facts["recency_days"][rows], facts["mean_gap_days"][rows])), 10.0)
    answered = ratio(facts["messages_answered"][rows], facts["messages_received"][rows])
    return np.stack(
        [
            recency,
            x,
            recency * x,
            rate,
            rhythm,
            np.log1p(np.maximum(facts["average_order"][rows], 0.0)),
            np.log1p(facts["products"][rows]),
            np.nan_to_num(answered),
        ],
        axis=1,
    )


def bought_since(then: Facts, later: Facts) -> Array:
    """Per subject of `then`, whether an order came after it, as `later` knows."""
    import numpy as np

    last = dict(zip(later.ids.tolist(), later["last_order_at"].tolist(), strict=True))
    since = then.as_of.timestamp()
    return np.array([last.get(id, 0.0) > since for id in then.ids.tolist()], dtype=bool)
