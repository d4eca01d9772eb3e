"""Putting a rule back in time: fitted and judged on what was known then, compared with what came."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from crmsync.insight import Span, history_span, past_facts
from crmsync.rules.backtest.auc import Interval, around, influence
from crmsync.rules.backtest.measure import Measured, measure
from crmsync.rules.models import try_fit
from crmsync.sdk import Facts, Model, NotEnoughEvidence, Predicts, Rule, Told, UsageError, mark
from crmsync.store import Store

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

log = logging.getLogger("crmsync.rules")

Known = Literal["learned", "imported"]
Verdict = Literal["better", "unproven", "worse", "refused"]

NOTHING = mark("The rule says nothing of anybody at that time.")
TOO_EVEN = mark("{happened} of {n} had the outcome: too few on one side to measure a ranking.")


@dataclass(frozen=True, slots=True)
class Window:
    """One past time. `known` is `learned` where only what we had learned by then was used, and `imported`
    where the history came to us later and its own times had to do.

    `groups` holds everybody as `all`, and the rule's own groups; nothing where the rule could not judge.
    `refused` says why its model was not usable then; there may still be measures, of its named fallback.
    """

    as_of: datetime
    until: datetime
    known: Known
    model: str
    refused: Told | None
    groups: dict[str, Measured]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rule's mean AUC and its rule of thumb's over all windows, and how far the rule is ahead.

    Windows share most of their subjects: what one subject did to the difference in all of them is taken
    together when the interval is made.
    """

    auc: float
    thumb_auc: float
    difference: Interval


@dataclass(frozen=True, slots=True)
class Replay:
    """A whole backtest. `last_order` is the end of what is known; a window that reaches beyond tells less."""

    rule: str
    subject: str
    outcome: str
    thumb: str
    horizon: timedelta
    last_order: datetime
    windows: tuple[Window, ...]
    overall: Comparison | None
    verdict: Verdict
    refused: Told | None


def replay(
    store: Store,
    name: str,
    rule: Rule[Any],
    *,
    as_of: datetime,
    now: datetime,
    horizon: timedelta | None = None,
    every: timedelta | None = None,
) -> Replay:
    """Fit and judge at `as_of`, and again after each `every` for as long as the outcome is known.

    Nothing is stored. Raises UsageError for a rule that predicts nothing and for a time whose outcome
    is not known yet, NotEnoughEvidence where there is no history at that time.
    """
    if not isinstance(rule, Predicts):
        raise UsageError(
            f"Rule {name} predicts nothing that could be compared with what happened.",
            fix="Backtest a rule that does; the documentation of rules says which.",
        )
    horizon = horizon or rule.horizon
    if horizon is None:
        raise UsageError(
            f"Rule {name} does not say how far it looks ahead.", fix="Give --horizon, such as 90d."
        )
    rule = rule.over(horizon)
    span = history_span(store)
    if span is None or span.first > as_of:
        raise NotEnoughEvidence(
            f"No order is older than {as_of:%Y-%m-%d}.",
            fix="Sync the shop's history, or choose a later time.",
        )
    moved: dict[str, list[float]] = defaultdict(list)
    windows = tuple(
        _window(store, rule, at, horizon, span, moved) for at in _times(as_of, horizon, every, now, span)
    )
    log.info(
        "rule backtested",
        extra={
            "action": "rule_backtested",
            "rule": name,
            "windows": len(windows),
            "as_of": as_of.isoformat(),
        },
    )
    overall = _overall(windows, moved)
    refused = next((window.refused for window in windows if window.refused), None)
    if overall is None and refused is None:
        everybody = next((window.groups["all"] for window in windows if window.groups), None)
        refused = (
            Told(TOO_EVEN, {"happened": everybody.happened, "n": everybody.n}) if everybody else Told(NOTHING)
        )
    return Replay(
        name,
        rule.subject,
        rule.outcome,
        rule.thumb,
        horizon,
        span.last,
        windows,
        overall,
        _verdict(overall),
        refused,
    )


def _times(
    as_of: datetime, horizon: timedelta, every: timedelta | None, now: datetime, span: Span
) -> Iterator[datetime]:
    if as_of + horizon > now:
        raise UsageError(
            f"What happens within {horizon.days} days of {as_of:%Y-%m-%d} is not known before"
            f" {as_of + horizon:%Y-%m-%d}.",
            fix="Choose an earlier --as-of or a shorter --horizon.",
        )
    if every is not None and every < timedelta(days=1):
        raise UsageError("--every must be a day at least.", fix="Write 30d, for instance.")
    yield as_of
    # Where no order has come for long, as in an old export, nothing would happen in a window.
    while every and (as_of := as_of + every) + horizon <= min(now, span.last):
        yield as_of


def _window(
    store: Store,
    rule: Any,
    as_of: datetime,
    horizon: timedelta,
    span: Span,
    moved: dict[str, list[float]],
) -> Window:
    """One window; notes in `moved` what each subject did to the difference in it."""
    known: Known = "learned" if span.learned <= as_of else "imported"
    then = past_facts(store, rule.subject, as_of, known=as_of if known == "learned" else None)
    later = _aligned(past_facts(store, rule.subject, as_of + horizon), then.ids)
    fit = try_fit(rule, then)
    groups = _groups(rule, then, later, fit.model, moved)
    kind = fit.model.kind if fit.model else "none"
    return Window(as_of, as_of + horizon, known, kind, fit.refusal, groups)


def _groups(
    rule: Any, then: Facts, later: Facts, model: Model | None, moved: dict[str, list[float]]
) -> dict[str, Measured]:
    import numpy as np

    forecast = rule.forecast(then, model)
    outcome, thumb = rule.happened(then, later), np.asarray(rule.thumb_score(then), float)
    raised = {finding.subject_id for finding in rule.judge(then, model) if finding.raises}
    flagged = np.array([id in raised for id in then.ids.tolist()], dtype=bool)
    told = ~(np.isnan(outcome) | np.isnan(forecast.score) | np.isnan(thumb))
    found = {}
    for name, chosen in {"all": np.ones(len(then), bool), **rule.groups(then)}.items():
        rows = told & chosen
        measured = measure(
            outcome[rows] > 0,
            forecast.score[rows],
            thumb[rows],
            flagged[rows],
            None if forecast.chance is None else forecast.chance[rows],
        )
        if measured:
            found[name] = measured
    if "all" in found and found["all"].difference:
        each = influence(forecast.score[told], thumb[told], outcome[told] > 0)
        for id, value in zip(then.ids[told].tolist(), each.tolist(), strict=True):
            moved[id].append(value)
    return found


def _aligned(facts: Facts, ids: Array) -> Facts:
    """The facts with these subjects in this order; a subject that is not there has no values."""
    import numpy as np

    if facts.ids.tolist() == ids.tolist():
        return facts
    place = {id: row for row, id in enumerate(facts.ids.tolist())}
    rows = np.array([place.get(id, -1) for id in ids.tolist()], dtype=int)
    columns = {}
    for name, values in facts.columns.items():
        missing = None if values.dtype == object else np.nan
        columns[name] = np.array([values[row] if row >= 0 else missing for row in rows], dtype=values.dtype)
    return Facts(facts.subject, facts.as_of, ids, columns)


def _overall(windows: tuple[Window, ...], moved: dict[str, list[float]]) -> Comparison | None:
    import numpy as np

    measured = [window.groups["all"] for window in windows if "all" in window.groups]
    pairs = [(m.rule.auc.value, m.thumb.auc.value) for m in measured if m.rule.auc and m.thumb.auc]
    if not pairs:
        return None
    auc, thumb_auc = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
    together = np.array([sum(values) for values in moved.values()]) / len(pairs)
    return Comparison(auc, thumb_auc, around(auc - thumb_auc, together))


def _verdict(overall: Comparison | None) -> Verdict:
    if overall is None:
        return "refused"
    if overall.difference.low > 0:
        return "better"
    return "worse" if overall.difference.high < 0 else "unproven"
