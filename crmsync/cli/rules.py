"""`crmsync rules`: what the rules are, what they would do, what they did, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmsync.cli.backtest import backtest
from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.daemon.preview import Preview
    from crmsync.rules import Explanation, Verdict

app = typer.Typer(help="What the rules are, what they would do, and why.", no_args_is_help=True)
app.command("backtest")(backtest)


@app.command("list")
def list_rules(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show the configured rules, their flags, what each has learned, and how it did in its last backtest."""
    from crmsync.cli.opening import opened
    from crmsync.rules import flag_counts, last_fits
    from crmsync.rules.backtest import last_backtests
    from crmsync.sdk import Predicts

    with opened(config, language) as opened_app:
        counts, fits = flag_counts(opened_app.store), last_fits(opened_app.store)
        backtests, told = last_backtests(opened_app.store), opened_app.config.language
        rows: list[dict[str, Any]] = [
            {
                "name": name,
                "rule": entry.rule,
                "title": opened_app.plugins.rules[entry.rule].title,
                "predicts": issubclass(opened_app.plugins.rules[entry.rule], Predicts),
                "flags": counts.get(name, {}),
                "fit": fits.get(name),
                "backtest": backtests.get(name),
            }
            for name, entry in opened_app.config.rules.items()
        ]
        emit({"rules": rows}, as_json=as_json, language=told, show=lambda console: _list(console, rows, told))


def _list(console: Console, rows: list[dict[str, Any]], language: str) -> None:
    def learned(fit: Any) -> str:
        if fit is None:
            return "nothing yet"
        if fit.refusal is not None:
            return fit.refusal.text(language)
        return f"{fit.kind}, {fit.fitted_at:%Y-%m-%d %H:%M} UTC, from {fit.subjects} subjects"

    def held(row: dict[str, Any]) -> str:
        if row["backtest"] is not None:
            return str(row["backtest"].told(language))
        return "not yet" if row["predicts"] else "predicts nothing"

    table(
        console,
        ("name", "rule", "what it finds", "standing flags", "learned", "backtest"),
        (
            (
                row["name"],
                row["rule"],
                row["title"],
                ", ".join(f"{count} {level}" for level, count in row["flags"].items()) or "none",
                learned(row["fit"]),
                held(row),
            )
            for row in rows
        ),
    )


@app.command("run")
def run_rules(
    everything: Annotated[bool, typer.Option("--all", help="Judge every subject, changed or not.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Bring facts and flags up to date now; nothing is sent."""
    from crmsync.cli.opening import opened
    from crmsync.cli.sync import show_troubles
    from crmsync.store.lock import instance_lock

    with opened(config, language) as opened_app, instance_lock(opened_app.store):
        result = opened_app.insight()
        result += opened_app.rules(everything=everything)
        results = result.rules.rules if result.rules else {}

        def show(console: Console) -> None:
            table(
                console,
                ("rule", "judged", "raised", "kept", "changed", "cleared", "standing"),
                (
                    (r.rule, r.judged, r.raised, r.kept, r.changed, r.cleared, r.standing)
                    for r in results.values()
                ),
            )
            show_troubles(console, result)

        emit(
            {"rules": results, "failures": result.failures},
            as_json=as_json,
            language=opened_app.config.language,
            show=show,
        )
        return result.exit_code


@app.command("preview")
def preview(
    rule: Annotated[list[str] | None, typer.Argument(help="Only these rules.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show what judging everything now would change; nothing is stored or sent."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.preview import preview_rules

    with opened(config, language) as opened_app:
        previews = preview_rules(opened_app, rule or [])
        told = opened_app.config.language
        emit(
            {"rules": previews},
            as_json=as_json,
            language=told,
            show=lambda console: _preview(console, previews, told),
        )


def _preview(console: Console, previews: list[Preview], language: str) -> None:
    for each in previews:
        steps = ", ".join(f"{count} {step}" for step, count in each.steps.items()) or "nothing"
        console.print(f"{each.rule}: {each.failed or f'{steps}, of {each.judged} judged'}", markup=False)
        if each.refused:
            console.print(f"  {each.refused}", markup=False)
        for finding in each.examples:
            reasons = " ".join(reason.told.text(language) for reason in finding.reasons)
            console.print(f"  {finding.level} {finding.subject_id}: {reasons}", markup=False)


@app.command("explain")
def explain(
    subject_id: Annotated[
        str, typer.Argument(metavar="ID", help="A customer's number, CONNECTION/ID, or a connection.")
    ],
    subject: Annotated[
        str, typer.Option("--subject", help="What it is: customer, product, shop or agent.")
    ] = "customer",
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show every rule's verdict on one subject, fact by fact, what would clear it, and its history."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.customer import find_customer
    from crmsync.rules import explain as explained
    from crmsync.rules import verdicts

    with opened(config, language) as opened_app:
        if subject == "customer":
            subject_id = str(find_customer(opened_app.store, subject_id))
        found = explained(opened_app.store, subject, subject_id)
        rules, now = opened_app.parts.rules, opened_app.clock.now()
        said = verdicts(opened_app.store, rules, subject, subject_id, now)
        told = opened_app.config.language

        def show(console: Console) -> None:
            _verdicts(console, said, told)
            show_explanation(console, found, told)

        emit({"explanation": found, "verdicts": said}, as_json=as_json, language=told, show=show)


def _verdicts(console: Console, said: list[Verdict], language: str) -> None:
    from crmsync.sdk import translate

    for verdict in said:
        state = translate(verdict.state or "", language)
        words = [part for part in (verdict.level, state) if part]
        note = verdict.note.text(language) if verdict.note else ""
        console.print(f"{verdict.rule}: {', '.join(words)} {note}".rstrip(), markup=False)
        for line in (*(reason.told for reason in verdict.reasons), *verdict.clears, verdict.refused):
            if line is not None:
                console.print(f"  - {line.text(language)}", markup=False)


def show_explanation(console: Console, found: Explanation, language: str) -> None:
    """The flags of a subject with their reasons, and their history."""
    from crmsync.sdk import translate

    if not found.history:
        console.print(f"No rule has ever flagged {found.subject} {found.subject_id}.", markup=False)
    for flag in found.standing:
        state = f" {translate(flag.state, language)}," if flag.state else ""
        console.print(f"{flag.rule}:{state} {flag.level} since {flag.raised_at:%Y-%m-%d}", markup=False)
        for reason in flag.reasons:
            console.print(f"  - {reason.told.text(language)}", markup=False)
    if found.history:
        table(
            console,
            ("at", "rule", "step", "level", "state", "score"),
            (
                (
                    step.at,
                    step.rule,
                    step.change,
                    step.level,
                    translate(step.state or "", language),
                    step.score,
                )
                for step in found.history
            ),
        )
