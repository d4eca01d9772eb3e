"""The types of customer, each following from the one before: a state machine over a customer's facts.

Where somebody stands follows from their facts alone: who was lost before is known by the gap between
the last two purchases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, mark
from crmsync_lifecycle.settings import LifecycleSettings
from crmsync_lifecycle.steady import steady

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

STATES = {
    mark("potential"): mark("Has bought nothing yet."),
    mark("target"): mark("Has bought nothing yet, and was written to {messages} times."),
    mark("first"): mark("One purchase, on {last}."),
    mark("repeat"): mark("{purchases} purchases, the last on {last}."),
    mark("loyal"): mark("{purchases} purchases since {first}, one every {gap} days, regularly."),
    mark("lost"): mark("No purchase since {last}; lost after {days} days without one."),
    mark("won_back"): mark("Back on {last} after {away} days away."),
}
"""Each type with the reason for it. None of them is a non-customer (非客户): no flag."""

TRANSITIONS: dict[str | None, frozenset[str | None]] = {
    None: frozenset({"potential", "target", "first", "won_back"}),
    "potential": frozenset({"target", "first"}),
    "target": frozenset({"first"}),
    "first": frozenset({"repeat", "lost"}),
    "repeat": frozenset({"loyal", "lost"}),
    "loyal": frozenset({"repeat", "lost"}),
    "lost": frozenset({"won_back", None}),
    "won_back": frozenset({"repeat", "loyal", "lost"}),
}
"""Where each leads by what customers do; `None` is a non-customer. Corrected records may lead elsewhere."""


def types(facts: Facts, settings: LifecycleSettings) -> Array:
    """The type of each customer; empty for who is none any more."""
    import numpy as np

    purchases, silence = facts["purchase_days"], facts["recency_days"]
    lost, gone = (span.total_seconds() / 86_400 for span in (settings.lost_after, settings.gone_after))
    found = [
        ((purchases < 1) & (facts["messages_received"] > 0), "target"),
        (purchases < 1, "potential"),
        (silence >= gone, ""),
        (silence >= lost, "lost"),
        (facts["last_gap_days"] > lost, "won_back"),
        (purchases == 1, "first"),
        (steady(facts, settings), "loyal"),
    ]
    return np.select([rows for rows, _ in found], [state for _, state in found], "repeat")
