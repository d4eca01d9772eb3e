"""`crmsync rules backtest`: what a rule said at past times, against what then happened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import FINDINGS
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, duration, moment
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.rules.backtest import Measured, Ranker, Replay, Window

_BAR = 30


def backtest(
    rule: Annotated[str, typer.Argument(metavar="NAME", help="The rule's name in the configuration.")],
    as_of: Annotated[
        str, typer.Option("--as-of", metavar="TIME", help="Judge as it was then: 2026-05-01, or 180d ago.")
    ],
    horizon: Annotated[
        str | None, typer.Option("--horizon", help="Compare with this time after it; else the rule's own.")
    ] = None,
    every: Annotated[
        str | None, typer.Option("--every", help="Again after each 30d, say, while the outcome is known.")
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option("--chart", metavar="FILE", help="Draw the ranking's gains into an SVG file."),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Fit and judge a rule as of past times, and compare with what happened after.

    Beside it stand its rule of thumb, flagging as many, and flagging everyone. `rules list` shows the
    last backtest of each rule. The exit code is 3 where nothing could be measured.
    """
    from crmsync.cli.opening import opened
    from crmsync.daemon.backtest import backtest as run

    then = moment(as_of, "--as-of")
    assert then is not None
    ahead, step = duration(horizon, "--horizon"), duration(every, "--every")
    with opened(config, language) as app:
        made = run(app, rule, as_of=then, horizon=ahead, every=step)
        told = app.config.language
        if chart is not None:
            _draw(made, chart, told)
        emit(
            {"backtest": made, "says": _says(made, told)},
            as_json=as_json,
            language=told,
            show=lambda console: _show(console, made, told),
        )
    return 0 if made.overall else FINDINGS


def _says(made: Replay, language: str) -> str:
    from crmsync.rules.backtest.record import verdict

    overall = made.overall
    figures = (
        (overall.auc, overall.thumb_auc, overall.difference.low, overall.difference.high) if overall else ()
    )
    return verdict(made.verdict, made.thumb, figures, made.refused, language)


def _show(console: Console, made: Replay, language: str) -> None:
    from crmsync.sdk import translate

    console.print(f"{made.rule}: {translate(made.outcome, language)}, {made.horizon.days} days", markup=False)
    if len(made.windows) > 1:
        table(
            console,
            ("as of", "model", "subjects", "base rate", "precision", "recall", "AUC", "thumb's AUC"),
            (_summary(window) for window in made.windows),
        )
    _window(console, made.windows[-1], translate(made.thumb, language), language)
    if made.windows[-1].until > made.last_order:
        console.print(
            f"  The last order known is of {made.last_order:%Y-%m-%d}; after it nothing was seen.",
            markup=False,
        )
    console.print(_says(made, language), markup=False)


def _window(console: Console, window: Window, thumb: str, language: str) -> None:
    known = "by what was known then" if window.known == "learned" else "by its own times: imported later"
    console.print(f"\nas of {window.as_of:%Y-%m-%d}, {known}; model: {window.model}", markup=False)
    if window.refused:
        console.print(f"  {window.refused.text(language)}", markup=False)
    for name, measured in window.groups.items():
        console.print(
            f"{name}: {measured.n} subjects, base rate {measured.base_rate:.3f}", markup=False, style="bold"
        )
        rows = (("rule", measured.rule), (thumb, measured.thumb), ("everyone", measured.everyone))
        table(
            console,
            ("by", "flagged", "precision", "recall", "lift", "AUC", "95 %", "precision at recall .5"),
            (_row(by, ranker) for by, ranker in rows),
        )
    if "all" in window.groups:
        _calibration(console, window.groups["all"])


def _summary(window: Window) -> tuple[object, ...]:
    found = window.groups.get("all")
    if found is None:
        return f"{window.as_of:%Y-%m-%d}", window.model
    rule, thumb = found.rule, found.thumb.auc
    figures = (
        found.base_rate,
        rule.precision,
        rule.recall,
        rule.auc and rule.auc.value,
        thumb and thumb.value,
    )
    shown = (None if figure is None else f"{figure:.3f}" for figure in figures)
    return f"{window.as_of:%Y-%m-%d}", window.model, found.n, *shown


def _row(by: str, ranker: Ranker) -> tuple[object, ...]:
    auc = ranker.auc
    return (
        by,
        ranker.flagged,
        ranker.precision,
        ranker.recall,
        ranker.lift,
        f"{auc.value:.4f}" if auc else None,
        f"{auc.low:.3f} to {auc.high:.3f}" if auc else None,
        ranker.precision_at_recall_50,
    )


def _calibration(console: Console, measured: Measured) -> None:
    if measured.calibration:
        table(
            console,
            ("chance", "subjects", "said", "happened", ""),
            (
                (
                    f"{each.low:.0%} to {each.high:.0%}",
                    each.n,
                    f"{each.chance:.3f}",
                    f"{each.happened:.3f}",
                    "█" * round(each.happened * _BAR),
                )
                for each in measured.calibration
            ),
        )
    steps = len(measured.rule.gains) - 1
    if steps > 0:
        table(
            console,
            ("first", "found", ""),
            (
                (f"{step / steps:.0%}", f"{measured.rule.gains[step]:.0%}", _bar(measured, step))
                for step in range(2, steps + 1, 2)
            ),
        )


def _bar(measured: Measured, step: int) -> str:
    return "█" * round(measured.rule.gains[step] * _BAR)


def _draw(made: Replay, file: Path, language: str) -> None:
    from crmsync.rules.backtest import gains_chart
    from crmsync.sdk import NotEnoughEvidence, UsageError, translate

    window = next((window for window in reversed(made.windows) if "all" in window.groups), None)
    if window is None:
        raise NotEnoughEvidence("There is nothing to draw: the rule said nothing of anybody.")
    measured = window.groups["all"]
    curves = (
        (made.rule, measured.rule.gains),
        (translate(made.thumb, language), measured.thumb.gains),
        ("everyone", measured.everyone.gains or (0.0, 1.0)),
    )
    try:
        file.write_text(gains_chart(f"{made.rule}, {window.as_of:%Y-%m-%d}", curves), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", fix="Choose another file.") from None
