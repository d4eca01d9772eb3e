"""Whom something went wrong for lately: where a case begins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmsync.sdk import (
    Facts,
    Finding,
    Model,
    Reason,
    Rule,
    Told,
    Trouble,
    Within,
    mark,
    troubles,
    written_day,
)
from crmsync.sdk.rule import Level, Subject
from crmsync_complaint.settings import ComplaintSettings

COMPLAINED = mark("Complained on {day}.")
COMPLAINED_OF = mark("Complained on {day} of the order {order}.")
REVIEWED = mark("Gave a bad review on {day}.")
REVIEWED_ORDER = mark("Gave a bad review of the order {order} on {day}.")
REFUND = mark("Asked for a refund, return or exchange of the order {order} on {day}.")
ORDINARY = mark("An ordinary complaint: listen, apologise, solve, follow up.")
SERIOUS_TYPE = mark("Serious, by its type: somebody with authority answers, soon.")
SERIOUS_KINDS = mark("Serious, voiced in more than one way: somebody with authority answers, soon.")
SERIOUS_BEFORE = mark("Serious, after {count} troubles before: somebody with authority answers, soon.")
ORDINARY_STATE, SERIOUS_STATE = mark("ordinary"), mark("serious")
_DAY = 86_400.0
TYPES = {
    "product": mark("It concerns the product."),
    "logistics": mark("It concerns delivery."),
    "service": mark("It concerns the service."),
    "contract": mark("It concerns what was agreed."),
    "suggestion": mark("It is a suggestion."),
    "other": mark("It concerns something else."),
}


class Complaint(Rule[ComplaintSettings]):
    """Customers with a recent complaint, bad review or refund, the latest first, and how serious it is."""

    name = "complaint"
    title = "Complaint"
    Settings = ComplaintSettings
    reads_scores = False

    @property
    def subject(self) -> Subject:
        return "customer"

    @property
    def within(self) -> Within:
        return Within("last_trouble_at", most=self.settings.within)

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        now, within = facts.as_of.timestamp(), self.settings.within.total_seconds()
        recent = facts["last_trouble_at"] > now - within
        for row in recent.nonzero()[0].tolist():
            known = troubles(facts["troubles"][row])
            found = [trouble for trouble in known if trouble.at > now - within and self._counts(trouble)]
            if not found:
                continue
            count = sum(int(facts[name][row]) for name in ("complaints", "bad_reviews", "refunds"))
            serious = self._serious(found, count - len(found))
            level: Level = "high" if serious else "medium"
            state = SERIOUS_STATE if serious else ORDINARY_STATE
            severity = Reason("severity", state, serious or Told(ORDINARY))
            reasons = (*map(_told, found), *_type(found), severity)
            # The day it happened: the score moves with a new trouble, and not with the clock.
            yield Finding(str(facts.ids[row]), level, found[0].at // _DAY, reasons, state=state)

    def _counts(self, trouble: Trouble) -> bool:
        return trouble.kind != "refund" or trouble.type is not None or self.settings.refunds

    def _serious(self, found: list[Trouble], before: int) -> Told | None:
        """Why it is serious, if it is."""
        settings = self.settings
        if any(trouble.type in settings.serious_types for trouble in found):
            return Told(SERIOUS_TYPE)
        if len({trouble.said for trouble in found}) >= settings.serious_kinds:
            return Told(SERIOUS_KINDS)
        return Told(SERIOUS_BEFORE, {"count": before}) if before >= settings.serious_before else None


def _type(found: list[Trouble]) -> tuple[Reason, ...]:
    """The type of the latest trouble that has one."""
    type = next((trouble.type for trouble in found if trouble.type), None)
    return (Reason("type", type, Told(TYPES[type])),) if type else ()


def _told(trouble: Trouble) -> Reason:
    values: dict[str, Any] = {"day": written_day(trouble.at // _DAY)}
    messages = {"complaint": COMPLAINED, "review": REVIEWED, "refund": REFUND}
    if trouble.order:
        values["order"] = trouble.order
        messages |= {"complaint": COMPLAINED_OF, "review": REVIEWED_ORDER}
    evidence = (trouble.order,) if trouble.order else ()
    return Reason(trouble.kind, values["day"], Told(messages[trouble.said], values), evidence=evidence)
