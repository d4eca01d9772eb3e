"""Judging: facts and models in, flags out, one rule after the other, none in another's way.

A rule judges **all** subjects when it has never judged, when its settings or its model changed, when
the clock went back, and when the last judging of all is a day old (or as old as the rule says), because
what depends on the clock (days since the last order) moves on without any record changing. Between these
it judges only the subjects whose facts changed since it judged last.

A rule with a model is fitted when it has none for its settings, when the last try is `refit_after` old,
and when the subjects have grown by a fifth since.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, text

from crmsync.insight import last_refresh, load_facts
from crmsync.rules import flags
from crmsync.rules.models import (
    kept_fits,
    last_fitted_to,
    learns,
    model_of,
    settings_digest,
    store_fit,
    try_fit,
)
from crmsync.sdk import Facts, FlagChange, Model, Rule, Told
from crmsync.sdk.rule import Subject, Within
from crmsync.store import Store
from crmsync.store.tables import RuleState
from crmsync.store.upsert import upsert

log = logging.getLogger("crmsync.rules")

REFIT_AFTER = timedelta(days=1)
# A model fitted to far fewer subjects than there are now has not seen the shop yet.
_OUTGROWN = 1.2
_LOCK = 0x63726D72

OnChanges = Callable[[tuple[FlagChange, ...]], None]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule did. `refused` says why its model is not usable, `failed` why it could not judge."""

    rule: str
    judged: int = 0
    raised: int = 0
    kept: int = 0
    changed: int = 0
    cleared: int = 0
    standing: int = 0
    full: bool = False
    fitted: bool = False
    refused: Told | None = None
    failed: str | None = None


@dataclass(frozen=True, slots=True)
class RulesResult:
    """What all rules did, by name in the configuration's order."""

    rules: Mapping[str, RuleResult] = field(default_factory=dict)

    @property
    def failed(self) -> Mapping[str, str]:
        """The rules that could not judge, and why."""
        return {name: result.failed for name, result in self.rules.items() if result.failed}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done for a rule; `state` is None when it has not judged with these settings."""

    digest: str
    state: Row[Any] | None
    refresh: int
    model: Model | None
    refit: bool
    full: bool


def judge_rules(
    store: Store,
    rules: Mapping[str, Rule[Any]],
    now: datetime,
    *,
    refit_after: timedelta = REFIT_AFTER,
    changed_only: bool = True,
    on_changes: OnChanges | None = None,
) -> RulesResult:
    """Fit what is due, judge what is stale, bring the flags in line: one transaction per rule.

    `changed_only=False` judges all subjects. `on_changes` is told of each rule's changes once they
    are stored. A rule that raises keeps its flags as they were and stops no other. Flags on customers
    who refuse to be profiled are cleared first.
    """
    with store.write() as connection:
        refused = flags.clear_refusing(connection, now)
    if on_changes and refused:
        on_changes(refused)
    results, known = {}, _Known(store, now)
    for name, rule in rules.items():
        try:
            results[name] = _judge(known, name, rule, refit_after, changed_only, on_changes)
        except Exception as error:
            log.exception("rule failed", extra={"action": "rule_failed", "rule": name})
            results[name] = RuleResult(name, failed=f"{type(error).__name__}: {error}")
    return RulesResult(_told(store, results))


def _told(store: Store, results: Mapping[str, RuleResult]) -> dict[str, RuleResult]:
    """The results with the number of flags that stand now, each of them logged."""
    if any(result.full and result.raised for result in results.values()):
        store.analyze_new()
    with store.read() as connection:
        standing = flags.count_standing(connection)
    told = {
        name: result if result.failed else replace(result, standing=standing.get(name, 0))
        for name, result in results.items()
    }
    for name, result in told.items():
        if not result.failed:
            counts = {"judged": result.judged, "standing": result.standing}
            log.info("rule judged", extra={"action": "rule_judged", "rule": name, **counts})
    return told


class _Known:
    """What is known at one moment, read once however many rules ask for it."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store = store
        self.now = now
        # Asked for before any fact is read: what changes meanwhile is judged again the next time.
        self.refresh = last_refresh(store)
        self._read: dict[tuple[Any, ...], Facts] = {}
        self._subjects: dict[Subject, int] = {}
        with store.read() as connection:
            rows = connection.execute(select(RuleState.__table__.c)).all()  # type: ignore[attr-defined]
            self._states = {(row.rule, row.settings_digest): row for row in rows}
            self._fitted_to = last_fitted_to(connection)
            self._fits = kept_fits(connection, [row.model_fit_id for row in rows if row.model_fit_id])

    def state(self, rule: str, digest: str) -> Row[Any] | None:
        """Where the rule stands, if it has judged with these settings."""
        return self._states.get((rule, digest))

    def model(self, state: Row[Any] | None) -> Model | None:
        fit = self._fits.get(state.model_fit_id) if state else None
        return model_of(fit) if fit else None

    def outgrown(self, rule: str, subject: Subject) -> bool:
        """Whether there are far more subjects now than the rule's last fit has seen."""
        if subject not in self._subjects:
            with self.store.read() as connection:
                query = text(f"SELECT COUNT(*) FROM {subject}_fact")
                self._subjects[subject] = connection.execute(query).scalar_one()
        return self._subjects[subject] > _OUTGROWN * self._fitted_to.get(rule, 0)

    def all(self, subject: Subject, within: Within | None = None) -> Facts:
        whole = self._read.get((subject, None, None, True))
        return whole if whole is not None else self._load(subject, None, within)

    def changed(self, subject: Subject, since: int, *, scores: bool) -> Facts:
        return self._load(subject, since, None, scores)

    def _load(self, subject: Subject, since: int | None, within: Within | None, scores: bool = True) -> Facts:
        key = (subject, since, within, scores)
        if key not in self._read:
            self._read[key] = load_facts(
                self.store, subject, self.now, changed_since=since, scores=scores, within=within
            )
        return self._read[key]


def retire_rules(store: Store, configured: Mapping[str, Any], now: datetime) -> int:
    """Clear the flags of rules that are configured no more; how many flags."""
    with store.write() as connection:
        return flags.clear_absent(connection, configured, now)


def _judge(
    known: _Known,
    name: str,
    rule: Rule[Any],
    refit_after: timedelta,
    changed_only: bool,
    on_changes: OnChanges | None,
) -> RuleResult:
    store, now = known.store, known.now
    plan = _plan(known, name, rule, refit_after, changed_only)
    model, full, fit, facts, fitted_to = plan.model, plan.full, None, None, 0
    if plan.refit:
        facts = known.all(rule.subject)
        fit = try_fit(rule, facts)
        # One that learned nothing is outgrown by the next fact.
        fitted_to = len(facts) if fit.model is not None else 0
        model = fit.model or model
        full = full or fit.model is not None
    if not full and plan.state:
        facts = known.changed(rule.subject, plan.state.refresh_id, scores=rule.reads_scores)
    elif facts is None:
        facts = known.all(rule.subject, rule.within)
    found = flags.checked(name, rule.judge(facts, model) if len(facts) else (), facts.ids)

    with store.write(lock=_LOCK) as connection:
        model_id = plan.state.model_fit_id if plan.state else None
        if fit:
            fit_id = store_fit(connection, name, plan.digest, fit, fitted_to, now)
            model_id = fit_id if fit.model else model_id
        steps = flags.apply(connection, name, rule.subject, found, None if full else set(facts.ids), now)
        _remember(store, connection, name, plan, model_id, now, full=full, fitted=fit is not None)
    if on_changes and steps.changes:
        on_changes(steps.changes)
    return RuleResult(
        name,
        judged=len(facts),
        raised=steps.count("raised"),
        kept=steps.kept,
        changed=steps.count("changed"),
        cleared=steps.count("cleared"),
        full=full,
        fitted=fit is not None and fit.refusal is None,
        refused=fit.refusal if fit else model.refusal if model else None,
    )


def _plan(known: _Known, name: str, rule: Rule[Any], refit_after: timedelta, changed_only: bool) -> _Plan:
    digest, refresh, now = settings_digest(rule), known.refresh, known.now
    state = known.state(name, digest)
    model = known.model(state)
    refit = learns(rule) and (
        state is None
        or _due(state.fit_tried_at, now, refit_after)
        or (refresh != state.refresh_id and known.outgrown(name, rule.subject))
    )
    full = not changed_only or state is None or _due(state.full_at, now, rule.full_after)
    return _Plan(digest, state, refresh, model, refit, full)


def _due(last: datetime | None, now: datetime, after: timedelta) -> bool:
    """Whether it was too long ago, or the clock went back."""
    return last is None or not timedelta() <= now - last < after


def _remember(
    store: Store,
    connection: Connection,
    name: str,
    plan: _Plan,
    model_id: int | None,
    now: datetime,
    *,
    full: bool,
    fitted: bool,
) -> None:
    state = {
        "settings_digest": plan.digest,
        "judged_at": now,
        "full_at": now if full or plan.state is None else plan.state.full_at,
        "fit_tried_at": now if fitted else plan.state.fit_tried_at if plan.state else None,
        "refresh_id": plan.refresh,
        "model_fit_id": model_id,
    }
    row = upsert(store, RuleState, {"rule": name, **state})
    connection.execute(row.on_conflict_do_update(index_elements=["rule"], set_=state))
