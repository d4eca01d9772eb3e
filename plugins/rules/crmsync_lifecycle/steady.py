"""Who buys often enough, long enough and regularly enough to be called settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts
from crmsync_lifecycle.settings import LifecycleSettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def steady(facts: Facts, settings: LifecycleSettings) -> Array:
    """Regular: the gaps between purchases spread by no more than their mean, as pure chance would."""
    import numpy as np

    regular = np.nan_to_num(facts["gap_sd_days"], nan=np.inf) <= facts["mean_gap_days"]
    return (  # type: ignore[no-any-return]
        regular
        & (facts["purchase_days"] >= settings.settled_purchases)
        & (facts["t_x"] >= settings.settled_after.days)
    )
