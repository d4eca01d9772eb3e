"""What the scorecard looks at: attendance 考勤, performance 业绩, ability 能力, attitude 态度."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crmsync.sdk import Facts, display, mark
from crmsync_service_scorecard.settings import Side

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# To a normal spread the median distance from the median is 0.6745 of the standard deviation.
_SPREAD = 1.4826
# Agents who differ by less than this share of the median do not really differ.
_ALIKE = 0.1
_FURTHEST = 3.0


@dataclass(frozen=True, slots=True)
class Indicator:
    """One column that is looked at. `of` is what there must be enough of, `least` where that is no setting;
    `unit` is how a value is shown.
    """

    name: str
    side: Side
    of: str
    told: str
    unit: str = "share"
    higher_is_better: bool = True
    least: int = 0

    def values(self, facts: Facts, minimum: int) -> Array:
        """Each agent's value; NaN with too little evidence."""
        import numpy as np

        return np.where(facts[self.of] >= (self.least or minimum), facts[self.name], np.nan)

    def points(self, value: Array, median: float, spread: float) -> Array:
        """0 to 100; the team's median has 50, and three spreads beyond it have all or nothing."""
        import numpy as np

        scale = max(_SPREAD * spread, _ALIKE * abs(median))
        away = (value - median) / scale if scale > 0 else 0 * value
        better = away if self.higher_is_better else -away
        return 50 + 50 / _FURTHEST * np.clip(better, -_FURTHEST, _FURTHEST)  # type: ignore[no-any-return]

    def shown(self, value: float, currency: str | None) -> str:
        if self.unit == "money":
            return display(round(value), currency) if currency else f"{value:,.0f}"
        return f"{value:.0f} s" if self.unit == "seconds" else f"{value:.1%}"


INDICATORS = (
    Indicator(
        "attendance_rate",
        "attendance",
        "scheduled_days",
        mark("Attendance {value}, the team's median is {median}: {points} points."),
        least=5,
    ),
    Indicator(
        "conversion_rate",
        "performance",
        "consulted",
        mark("Conversion after consulting {value}, the team's median is {median}: {points} points."),
    ),
    Indicator(
        "net",
        "performance",
        "orders",
        mark("Sales of {value} net, the team's median is {median}: {points} points."),
        "money",
    ),
    Indicator(
        "average_order",
        "ability",
        "orders",
        mark("An average order of {value}, the team's median is {median}: {points} points."),
        "money",
    ),
    Indicator(
        "mean_response",
        "ability",
        "answered",
        mark("First reply after {value} on average, the team's median is {median}: {points} points."),
        "seconds",
        higher_is_better=False,
    ),
    Indicator(
        "refund_rate",
        "ability",
        "orders",
        mark("Refunds and exchanges in {value} of orders, the team's median is {median}: {points} points."),
        higher_is_better=False,
    ),
    Indicator(
        "poor_review_rate",
        "attitude",
        "reviews",
        mark("Neutral and bad reviews {value}, the team's median is {median}: {points} points."),
        higher_is_better=False,
    ),
    Indicator(
        "complaints_per_inquiry",
        "attitude",
        "inquiries",
        mark("Complaints in {value} of inquiries, the team's median is {median}: {points} points."),
        higher_is_better=False,
    ),
)
"""An agent's share of the shop's sales (销售比重) ranks a team as its sales do, and is not counted twice."""
