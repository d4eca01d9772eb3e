"""Findings into flags: raised, kept, changed, cleared; each step but `kept` goes into the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select, text, update

from crmsync.insight import REFUSING
from crmsync.rules.flag_rows import clear_flags, raise_flags, record_steps, rewrite_flags
from crmsync.rules.reasons import dump_reasons
from crmsync.sdk import Finding, FlagChange, PluginError, Reason, Told, mark
from crmsync.sdk.events import Change
from crmsync.store.bulk import among, many
from crmsync.store.tables import Flag, FlagEvent

# Both databases take this many values in one list, and look each up in the index of standing flags.
_CHUNK = 500
REFUSED = mark("The customer refuses to be profiled.")
_LEVELS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Steps:
    """What one judging did to a rule's flags."""

    changes: tuple[FlagChange, ...]
    kept: int

    def count(self, change: Change) -> int:
        return sum(step.change == change for step in self.changes)


def checked(rule: str, findings: Iterable[Finding], judged: Iterable[str]) -> dict[str, Finding]:
    """The findings by subject. Raises PluginError when they are not what a rule may return."""
    known = set(judged)
    found: dict[str, Finding] = {}
    for finding in findings:
        if finding.subject_id not in known:
            raise PluginError(
                f"Rule {rule} found something on {finding.subject_id!r}, which it was not given."
            )
        if finding.subject_id in found:
            raise PluginError(f"Rule {rule} has two findings on {finding.subject_id!r}.")
        if finding.level not in _LEVELS:
            raise PluginError(
                f"Rule {rule} gave the level {finding.level!r}.", fix="Use low, medium or high."
            )
        found[finding.subject_id] = finding
    return found


def after(finding: Finding, level: str, state: str | None) -> tuple[str, str | None]:
    """The level and state of a flag that stood with these, after the finding."""
    return (level, state) if state is not None and finding.keeps == state else (finding.level, finding.state)


def apply(
    connection: Connection,
    rule: str,
    subject: str,
    findings: Mapping[str, Finding],
    judged: set[str] | None,
    now: datetime,
) -> Steps:
    """Bring the rule's standing flags in line with its findings on the `judged` subjects (None: on all).

    A flag changes when its level or its state does. Score and reasons move on with the days: a standing
    flag always shows the latest, but that is no step in its history.
    """
    standing = (
        _standing(connection, rule) if judged is None else _standing_on(connection, rule, subject, judged)
    )
    own = {row.subject_id: row for row in standing if row.subject == subject}
    gone = [row for row in standing if row.subject != subject or row.subject_id not in findings]

    # Many subjects of one state share their reasons; each is written down once.
    written: dict[int, str] = {}
    raised, changed, kept = [], [], 0
    refreshed: list[dict[str, Any]] = []
    for subject_id, finding in sorted(findings.items()):
        row = own.get(subject_id)
        if row is None and not finding.raises:
            continue
        level, state = after(finding, row.level, row.state) if row else (finding.level, finding.state)
        verdict = {
            "level": level,
            "state": state,
            "score": round(float(finding.score), 6),
            "reasons": written.get(id(finding.reasons))
            or written.setdefault(id(finding.reasons), dump_reasons(finding.reasons)),
        }
        if row is None:
            raised.append({"subject_id": subject_id, **verdict})
        elif (row.level, row.state) != (level, state):
            changed.append({"flag_id": row.id, "subject_id": subject_id, **verdict})
        else:
            kept += 1
            if (row.score, row.reasons) != (verdict["score"], verdict["reasons"]):
                refreshed.append({"flag_id": row.id, **verdict})

    key = {"rule": rule, "subject": subject}
    raise_flags(connection, key, raised, now)
    rewrite_flags(connection, refreshed)
    rewrite_flags(connection, changed, now)
    clear_flags(connection, [row.id for row in gone], now)
    record_steps(connection, [{**key, **step, "change": "changed"} for step in changed], now)
    record_steps(connection, [_cleared_step(rule, row) for row in gone], now)

    def told(change: Change, subject: str, subject_id: str, verdict: Mapping[str, Any]) -> FlagChange:
        level, score, state = (verdict[name] for name in ("level", "score", "state"))
        return FlagChange(rule, subject, subject_id, change, level, score, now, state)

    return Steps(
        (
            *(told("raised", subject, step["subject_id"], step) for step in raised),
            *(told("changed", subject, step["subject_id"], step) for step in changed),
            *(told("cleared", row.subject, row.subject_id, row._mapping) for row in gone),
        ),
        kept,
    )


def count_standing(connection: Connection) -> dict[str, int]:
    """How many flags of each rule stand; a rule without any is left out."""
    query = select(Flag.rule, func.count()).where(Flag.cleared_at.is_(None)).group_by(Flag.rule)
    return {rule: int(count) for rule, count in connection.execute(query)}


def _any_of(connection: Connection) -> str:
    """SQL for one of the texts bound as `:ids`, that PostgreSQL looks up one by one in an index."""
    if connection.dialect.name == "postgresql":
        return "= ANY(CAST(:ids AS text[]))"
    return f"IN {among(connection, 'ids')}"


def clear_absent(connection: Connection, rules: Iterable[str], now: datetime) -> int:
    """Clear the flags of rules that are configured no more; how many."""
    rows = connection.execute(_flags().where(Flag.cleared_at.is_(None), Flag.rule.not_in(list(rules)))).all()
    clear_flags(connection, [row.id for row in rows], now)
    record_steps(connection, [_cleared_step(row.rule, row) for row in rows], now)
    return len(rows)


def clear_refusing(connection: Connection, now: datetime) -> tuple[FlagChange, ...]:
    """Clear the flags of customers who refuse to be profiled; the history says why."""
    refusing = text(f"SELECT CAST(customer_id AS TEXT) FROM ({REFUSING}) refusing")
    ids = connection.scalars(refusing).all()
    if not ids:
        return ()
    query = _flags().where(Flag.subject == "customer", Flag.cleared_at.is_(None))
    rows = [
        row
        for start in range(0, len(ids), _CHUNK)
        for row in connection.execute(query.where(Flag.subject_id.in_(ids[start : start + _CHUNK])))
    ]
    why = dump_reasons((Reason("profiling", "refused", Told(REFUSED)),))
    clear_flags(connection, [row.id for row in rows], now)
    record_steps(connection, [{**_cleared_step(row.rule, row), "reasons": why} for row in rows], now)
    return tuple(
        FlagChange(row.rule, "customer", row.subject_id, "cleared", row.level, row.score, now, row.state)
        for row in rows
    )


def forget_customers(connection: Connection, customers: Iterable[int], now: datetime) -> int:
    """Clear the flags of customers who are erased, and keep of the history when and which, but no reason;
    how many flags there were."""
    ids = [str(customer) for customer in customers]
    theirs = Flag.subject == "customer", Flag.subject_id.in_(ids)
    rows = connection.execute(_flags().where(*theirs, Flag.cleared_at.is_(None))).all()
    clear_flags(connection, [row.id for row in rows], now)
    record_steps(connection, [_cleared_step(row.rule, row) for row in rows], now)
    none = dump_reasons(())
    connection.execute(
        update(FlagEvent)
        .where(FlagEvent.subject == "customer", FlagEvent.subject_id.in_(ids))
        .values(reasons=none)
    )
    return connection.execute(update(Flag).where(*theirs).values(reasons=none)).rowcount


def _flags() -> Any:
    return select(
        Flag.id, Flag.rule, Flag.subject, Flag.subject_id, Flag.level, Flag.state, Flag.score, Flag.reasons
    ).order_by(Flag.id)


def _standing(connection: Connection, rule: str) -> list[Row[Any]]:
    return list(connection.execute(_flags().where(Flag.rule == rule, Flag.cleared_at.is_(None))))


def _standing_on(connection: Connection, rule: str, subject: str, judged: set[str]) -> list[Row[Any]]:
    query = _flags().where(
        Flag.rule == rule,
        Flag.subject == subject,
        Flag.cleared_at.is_(None),
        text(f"subject_id {_any_of(connection)}").bindparams(ids=many(connection, sorted(judged))),
    )
    return list(connection.execute(query))


def _cleared_step(rule: str, row: Row[Any]) -> dict[str, Any]:
    return {
        "flag_id": row.id,
        "rule": rule,
        "subject": row.subject,
        "subject_id": row.subject_id,
        "change": "cleared",
        "level": row.level,
        "state": row.state,
        "score": row.score,
        "reasons": row.reasons,
    }
