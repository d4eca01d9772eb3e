"""What every rule says of one subject at this moment, also of one that is clear, and what would clear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crmsync.insight import facts_of
from crmsync.rules.models import load_model, settings_digest
from crmsync.sdk import Finding, Model, Reason, Rule, Told, mark
from crmsync.store import Store
from crmsync.store.tables import RuleState

CLEAR = mark("Nothing speaks for a flag.")
KEPT = mark("Not enough to raise a flag, enough to keep one that stands.")
UNKNOWN = mark("There are no facts of it, or it refuses to be profiled.")
UNJUDGED = mark("It has not judged yet.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule's word on one subject now. Without a level it is clear, and `note` may say why.

    `clears` are the ways back; `refused` says why the rule's model is not usable.
    """

    rule: str
    level: str | None
    state: str | None
    score: float | None
    reasons: tuple[Reason, ...]
    clears: tuple[Told, ...]
    note: Told | None
    refused: Told | None


def verdicts(
    store: Store, rules: Mapping[str, Rule[Any]], subject: str, subject_id: str, now: datetime
) -> list[Verdict]:
    """Every rule that judges this kind of subject, by the facts as they are and the model it last learned.

    Nothing is stored: a flag changes at the next judging only.
    """
    own = {name: rule for name, rule in rules.items() if rule.subject == subject}
    if not own:
        return []
    facts = facts_of(store, next(iter(own.values())).subject, [subject_id], now)
    found = []
    for name, rule in own.items():
        with store.read() as connection:
            judged, model = _model(connection, name, rule)
        if not judged or not len(facts):
            found.append(_clear(name, UNKNOWN if judged else UNJUDGED, model))
            continue
        findings = list(rule.judge(facts, model))
        found.append(_verdict(name, rule, findings[0], model) if findings else _clear(name, CLEAR, model))
    return found


def _model(connection: Connection, name: str, rule: Rule[Any]) -> tuple[bool, Model | None]:
    """Whether the rule has judged with these settings, and its model then."""
    state = connection.execute(
        select(RuleState.model_fit_id).where(
            RuleState.rule == name, RuleState.settings_digest == settings_digest(rule)
        )
    ).first()
    return state is not None, load_model(connection, state.model_fit_id) if state else None


def _verdict(name: str, rule: Rule[Any], finding: Finding, model: Model | None) -> Verdict:
    return Verdict(
        name,
        finding.level,
        finding.state,
        float(finding.score),
        finding.reasons,
        tuple(rule.clears(finding)),
        None if finding.raises else Told(KEPT),
        model.refusal if model else None,
    )


def _clear(name: str, note: str, model: Model | None) -> Verdict:
    return Verdict(name, None, None, None, (), (), Told(note), model.refusal if model else None)
