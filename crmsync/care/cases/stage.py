"""The five stages of a complaint: 受理 → 接受 → 解释澄清 → 提出解决方案 → 跟踪回访."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from crmsync.config import Cases, Stage
from crmsync.sdk import mark

CaseType = Literal["product", "logistics", "service", "contract", "suggestion", "other"]
Severity = Literal["ordinary", "serious"]

STAGES: tuple[Stage, ...] = get_args(Stage)

TOLD: dict[Stage, str] = {
    "received": mark("received"),
    "accepted": mark("accepted"),
    "explained": mark("explained"),
    "solved": mark("solution offered"),
    "follow_up": mark("followed up"),
    "closed": mark("closed"),
}
"""What a person reads for each stage."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a way to handle complaints."""

    name: str
    what: str


CHECKLISTS: dict[Severity, tuple[Step, ...]] = {
    "ordinary": (
        Step("Listen", mark("Hear the customer out, and write down what they say.")),
        Step("Share", mark("Show that you understand, and say that you are sorry.")),
        Step("Clarify", mark("Ask what happened until both of you mean the same.")),
        Step("Illustrate", mark("Say what you can do, with choices and dates.")),
        Step("Ask", mark("Ask whether that suits them, and do it.")),
    ),
    "serious": (
        Step("Control", mark("Keep calm; the anger is not about you.")),
        Step("Listen", mark("Let them finish before you say anything.")),
        Step("Establish", mark("Establish that you are on their side, by name.")),
        Step("Apologise", mark("Apologise without an excuse.")),
        Step("Resolve", mark("Offer a solution you may promise, and say when it comes.")),
    ),
}
"""LSCIA for ordinary complaints, CLEAR for serious ones."""


def after(stage: Stage) -> Stage:
    """The stage that follows; `closed` follows the follow-up."""
    return STAGES[STAGES.index(stage) + 1]


def due_at(stage: Stage, severity: str, cases: Cases, now: datetime) -> datetime | None:
    """When a case that enters this stage now is overdue."""
    if stage == "closed":
        return None
    span = getattr(cases.due, stage)
    return now + (span * cases.serious if severity == "serious" else span)
