"""`crmsync plugins`: what is loaded, a new one, and what the conformance kit says of connectors."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import FINDINGS
from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from crmsync.plugins import PluginInfo
    from crmsync.plugins.trial import Trial

app = typer.Typer(
    help="Plugins: what is loaded, a new one, and whether connectors conform.", no_args_is_help=True
)


class PluginKind(StrEnum):
    """What a plugin can be."""

    connector = "connector"
    rule = "rule"
    channel = "channel"


@app.callback()
def _group() -> None:
    """Plugins: what is loaded, a new one, and whether connectors conform."""


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show every plugin found; works whatever else is wrong with the configuration."""
    from crmsync.cli.opening import quiet_logs
    from crmsync.plugins import API, open_plugins

    quiet_logs()
    found = open_plugins(config).plugins
    emit(
        {"interface": API, "plugins": found},
        as_json=as_json,
        language="en",
        show=lambda console: _show(console, found),
    )


def _show(console: Console, found: Sequence[PluginInfo]) -> None:
    table(
        console,
        ("name", "version", "status", "hooks", "origin"),
        (
            (
                plugin.name,
                plugin.version,
                plugin.status,
                ", ".join(hook.removeprefix("crmsync_") for hook in plugin.hooks),
                plugin.origin,
            )
            for plugin in found
        ),
    )
    for plugin in found:
        if plugin.reason:
            console.print(f"{plugin.name}: {plugin.reason}", markup=False, soft_wrap=True)


@app.command("new")
def new(
    kind: Annotated[PluginKind, typer.Argument(help="What to begin.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name: a-z, 0-9 and _.")],
    title: Annotated[str | None, typer.Option(help="What people call it: BigCommerce.")] = None,
    folder: Annotated[Path, typer.Option("--dir", help="Where to write it.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write the package of a new plugin, one that passes its own tests as it stands."""
    from crmsync.plugins.scaffold import write_plugin

    written = write_plugin(kind.value, name, folder, title)
    root = written[0].parents[len(written[0].relative_to(folder).parts) - 2]
    emit(
        {"folder": root, "files": written},
        as_json=as_json,
        language="en",
        show=lambda console: console.print(
            f"Wrote {root}. Try it: pip install -e '{root}[test]' && pytest {root}", markup=False
        ),
    )


@app.command("test")
def test_(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME...]", help="Which connectors.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are loaded.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Run the conformance kit on connectors; nothing but their own fakes is called."""
    from crmsync.cli.opening import quiet_logs
    from crmsync.plugins import open_plugins
    from crmsync.plugins.trial import try_connector
    from crmsync.sdk import UsageError

    quiet_logs()
    offered = open_plugins(config).connectors
    if not names and not everything:
        raise UsageError("Which connectors?", fix="Name them, or write --all.")
    trials = [try_connector(offered, name) for name in (sorted(offered) if everything else names or ())]
    emit(
        {"green": all(trial.green for trial in trials), "connectors": trials},
        as_json=as_json,
        language="en",
        show=lambda console: _show_trials(console, trials),
    )
    return 0 if all(trial.green for trial in trials) else FINDINGS


def _show_trials(console: Console, trials: Sequence[Trial]) -> None:
    table(
        console,
        ("connector", "green", "red", "skipped", "quality"),
        (
            (
                trial.connector,
                *(sum(c.status == status for c in trial.checks) for status in ("green", "red", "skipped")),
                trial.tier or "none",
            )
            for trial in trials
        ),
    )
    for trial in trials:
        for outcome in trial.checks:
            if outcome.status == "red":
                told = f"{trial.connector}: {outcome.check}: {outcome.title}: {outcome.reason}"
                console.print(f"{told}\n  What to do: {outcome.fix}", markup=False, soft_wrap=True)
        for reason, checks in _skipped(trial).items():
            told = f"{trial.connector}: skipped: {', '.join(checks)}: {reason}"
            console.print(told, markup=False, soft_wrap=True)
        for problem in trial.quality_problems:
            console.print(f"{trial.connector}: quality.toml: {problem}", markup=False, soft_wrap=True)
        if trial.todo:
            console.print(f"{trial.connector}: quality.toml: to do: {', '.join(trial.todo)}", markup=False)


def _skipped(trial: Trial) -> dict[str, list[str]]:
    """The checks that were skipped, by the reason they have in common."""
    checks: dict[str, list[str]] = {}
    for outcome in trial.checks:
        if outcome.status == "skipped":
            checks.setdefault(outcome.reason, []).append(outcome.check)
    return checks
