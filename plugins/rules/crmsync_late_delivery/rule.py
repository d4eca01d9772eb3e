"""Whose order is late: known as soon as the promised time has passed, before there is a review."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from crmsync.sdk import Facts, Finding, Forecast, Model, Predicts, Reason, Rule, Told, Within, mark, troubles
from crmsync.sdk.rule import Level, Subject
from crmsync_late_delivery.settings import LateDeliverySettings

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LATE = mark("Order {order} was promised by {due} UTC and has not been delivered.")
DAYS_LATE = mark("Order {order} was promised by {due} UTC and has not been delivered: {days} days late.")
BEFORE = mark("Not for the first time: {count} earlier orders came late as well.")
_DAY = 86_400.0


class LateDelivery(Rule[LateDeliverySettings], Predicts):
    """Customers with an open order past its promised time (物流) who have not complained of it, the longest
    overdue first."""

    name = "late_delivery"
    title = "Late delivery"
    Settings = LateDeliverySettings
    reads_scores = False
    full_after = timedelta(minutes=10)
    outcome = mark(
        "a bad review or a complaint within the horizon, of those with an open order who had not complained"
    )
    thumb = mark("bad reviews and complaints so far")

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def horizon(self) -> timedelta:
        return self.settings.horizon

    def over(self, horizon: timedelta) -> Self:
        return type(self)(self.settings.model_copy(update={"horizon": horizon}))

    @property
    def within(self) -> Within:
        return Within("due_at", least=self.settings.grace, most=self.settings.forget)

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        overdue = self._overdue(facts)
        settings = self.settings
        late = (overdue > settings.grace.total_seconds()) & (overdue < settings.forget.total_seconds())
        for row in late.nonzero()[0].tolist():
            if _said(facts, row):
                continue
            level: Level = "high" if overdue[row] >= settings.high.total_seconds() else "medium"
            days = int(overdue[row] // _DAY)
            order = str(facts["due_order"][row])
            due = datetime.fromtimestamp(float(facts["due_at"][row]), UTC)
            told = Told(LATE, {"order": order, "due": f"{due:%Y-%m-%d %H:%M}"})
            if days:
                told = Told(DAYS_LATE, {**told.values, "days": days})
            grace = round(settings.grace.total_seconds() / _DAY, 3)
            reasons = [Reason("due_at", days, told, threshold=grace, evidence=(order,))]
            if before := int(facts["late_orders"][row]):
                reasons.append(Reason("late_orders", before, Told(BEFORE, {"count": before})))
            yield Finding(facts.ids[row], level, float(days), tuple(reasons))

    def forecast(self, facts: Facts, model: Model | None) -> Forecast:
        """How near the promised time is, before or behind: that is when people complain."""
        return Forecast(-abs(self._overdue(facts)))

    def thumb_score(self, facts: Facts) -> Array:
        return facts["bad_reviews"] + facts["complaints"]

    def happened(self, then: Facts, later: Facts) -> Array:
        import numpy as np

        said = sum(later[name] - then[name] for name in ("bad_reviews", "complaints"))
        return np.where(self._in_question(then), said > 0, np.nan)

    def _in_question(self, facts: Facts) -> Array:
        """Who has an open order that is not forgotten, and has not complained of it."""
        open_ = self._overdue(facts) < self.settings.forget.total_seconds()
        open_[[row for row in open_.nonzero()[0].tolist() if _said(facts, row)]] = False
        return open_

    def _overdue(self, facts: Facts) -> Array:
        """Seconds past the promised time; below 0 where it is still to come."""
        return facts.as_of.timestamp() - facts["due_at"]


def _said(facts: Facts, row: int) -> bool:
    """Whether the customer has complained of the late order, or of no order by name since it was due."""
    order, due = facts["due_order"][row], facts["due_at"][row]
    return any(
        trouble.order == order or (trouble.order is None and trouble.at > due)
        for trouble in troubles(facts["troubles"][row])
    )
