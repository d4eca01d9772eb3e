"""Flags and their history as the faces show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from crmsync.rules.reasons import load_reasons
from crmsync.sdk import Reason
from crmsync.store import Store
from crmsync.store.tables import Flag, FlagEvent


@dataclass(frozen=True, slots=True)
class StandingFlag:
    """A flag that stands; `reason.told.text("zh")` tells each reason."""

    id: int
    rule: str
    subject: str
    subject_id: str
    level: str
    state: str | None
    score: float
    reasons: tuple[Reason, ...]
    raised_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flag's history."""

    rule: str
    change: str
    level: str
    state: str | None
    score: float
    reasons: tuple[Reason, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that rules say and said of one subject."""

    subject: str
    subject_id: str
    standing: tuple[StandingFlag, ...]
    history: tuple[Step, ...]


_COLUMNS = (
    Flag.id,
    Flag.rule,
    Flag.subject,
    Flag.subject_id,
    Flag.level,
    Flag.state,
    Flag.score,
    Flag.reasons,
    Flag.raised_at,
    Flag.changed_at,
)


def standing_flags(
    store: Store,
    *,
    rule: str | None = None,
    subject: str | None = None,
    subject_id: str | None = None,
    limit: int | None = None,
) -> list[StandingFlag]:
    """The flags that stand, the highest score of each rule first."""
    query = select(*_COLUMNS).where(Flag.cleared_at.is_(None))
    for column, value in ((Flag.rule, rule), (Flag.subject, subject), (Flag.subject_id, subject_id)):
        if value is not None:
            query = query.where(column == value)
    with store.read() as connection:
        rows: Sequence[Any] = connection.execute(
            query.order_by(Flag.rule, Flag.score.desc(), Flag.id).limit(limit)
        ).all()
    return [StandingFlag(**{**row._mapping, "reasons": load_reasons(row.reasons)}) for row in rows]


def flag_counts(store: Store) -> dict[str, dict[str, int]]:
    """How many flags stand, per rule and level."""
    with store.read() as connection:
        rows = connection.execute(
            select(Flag.rule, Flag.level, func.count())
            .where(Flag.cleared_at.is_(None))
            .group_by(Flag.rule, Flag.level)
            .order_by(Flag.rule, Flag.level)
        ).all()
    counts: dict[str, dict[str, int]] = {}
    for rule, level, number in rows:
        counts.setdefault(rule, {})[level] = number
    return counts


def explain(store: Store, subject: str, subject_id: str) -> Explanation:
    """What rules say of this subject now, and every step that led there, oldest first."""
    standing = standing_flags(store, subject=subject, subject_id=subject_id)
    with store.read() as connection:
        rows = connection.execute(
            select(
                FlagEvent.rule,
                FlagEvent.change,
                FlagEvent.level,
                FlagEvent.state,
                FlagEvent.score,
                FlagEvent.reasons,
                FlagEvent.at,
            )
            .where(FlagEvent.subject == subject, FlagEvent.subject_id == subject_id)
            .order_by(FlagEvent.id)
        ).all()
    steps = tuple(Step(**{**row._mapping, "reasons": load_reasons(row.reasons)}) for row in rows)
    return Explanation(subject, subject_id, tuple(standing), steps)
