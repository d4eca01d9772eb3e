"""What the rules and segments would make of the facts as they are now; nothing is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from crmsync.config.problem import nearest
from crmsync.daemon.app import App
from crmsync.insight import load_facts
from crmsync.rules import StandingFlag, after, standing_flags
from crmsync.sdk import Facts, Finding, NotEnoughEvidence, UsageError
from crmsync.sdk.rule import Subject
from crmsync.segments import SegmentPreview
from crmsync.segments import preview_segment as segment_preview


@dataclass(frozen=True, slots=True)
class Preview:
    """A rule's findings on all subjects beside its standing flags. `examples` are the highest scores.

    `steps` counts what judging now would do: raised, kept, changed, cleared. `refused` says why the
    rule could learn nothing from these facts.
    """

    rule: str
    judged: int
    steps: Counter[str]
    examples: tuple[Finding, ...]
    refused: str = ""
    failed: str = ""


def preview_rules(app: App, names: list[str], examples: int = 3) -> list[Preview]:
    """Fit and judge these rules, or all when none is named, without storing anything."""
    facts: dict[Subject, Facts] = {}
    return [
        _preview(app, name, facts, examples) for name in app.parts.rules if not names or name in names
    ] + [
        Preview(failure.part, 0, Counter(), (), failed=failure.reason)
        for failure in app.parts.unusable("rules")
        if not names or failure.part in names
    ]


def preview_segment(app: App, name: str, examples: int) -> SegmentPreview:
    """Who would belong to a configured segment. Raises UsageError when there is none of this name."""
    segments = app.config.segments
    if name not in segments:
        raise UsageError(
            f"There is no segment {name}.",
            fix=nearest(name, segments, "Add it under segments in the config."),
        )
    return segment_preview(app.store, name, segments[name], app.clock.now(), examples=examples)


def _preview(app: App, name: str, known: dict[Subject, Facts], examples: int) -> Preview:
    rule, refused, model = app.parts.rules[name], "", None
    try:
        if rule.subject not in known:
            known[rule.subject] = load_facts(app.store, rule.subject, app.clock.now())
        facts = known[rule.subject]
        try:
            model = rule.fit(facts)
        except NotEnoughEvidence as error:
            refused = str(error)
        findings = list(rule.judge(facts, model)) if len(facts) else []
    except (Exception, SystemExit) as error:
        return Preview(name, 0, Counter(), (), failed=f"{type(error).__name__}: {error}")
    if model is not None and model.refusal is not None:
        refused = model.refusal.text(app.config.language)
    standing = {flag.subject_id: flag for flag in standing_flags(app.store, rule=name)}
    steps = Counter(_step(finding, standing.get(finding.subject_id)) for finding in findings)
    steps["cleared"] = len(standing.keys() - {finding.subject_id for finding in findings})
    steps.pop("", None)
    best = sorted((f for f in findings if f.raises), key=lambda finding: -finding.score)[:examples]
    return Preview(name, len(facts), +steps, tuple(best), refused)


def _step(finding: Finding, flag: StandingFlag | None) -> str:
    if flag is None:
        return "raised" if finding.raises else ""
    now = (flag.level, flag.state)
    return "kept" if after(finding, *now) == now else "changed"
