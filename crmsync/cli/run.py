"""`crmsync run`: the daemon, or one full pass."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, err, table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from crmsync.cli.option import Language
    from crmsync.daemon.outcome import PassResult


def run(
    once: Annotated[bool, typer.Option("--once", help="Do one full pass and end.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Keep every connection, rule and campaign on its schedule, until SIGTERM or SIGINT."""
    return _once(config, as_json, language) if once else _daemon(config, language)


def _daemon(config: Path | None, language: Language | None) -> int:
    from crmsync.daemon.signals import Signals

    # From the first moment on a signal means: end in good order.
    with Signals() as signals:
        from crmsync.daemon.app import App
        from crmsync.daemon.daemon import Daemon
        from crmsync.daemon.logs import configure_logs, register_secrets
        from crmsync.daemon.recurrence import Recurrence

        recurrence = Recurrence()
        redactor = configure_logs(
            recurrence, journal="JOURNAL_STREAM" in os.environ and not sys.stderr.isatty()
        )
        app = App.open(config, language=language)
        register_secrets(redactor, app.config)
        try:
            Daemon(
                app,
                recurrence=recurrence,
                on_reload=lambda reloaded: register_secrets(redactor, reloaded.config),
            ).run(signals)
        finally:
            app.close()
    return 0


def _once(config: Path | None, as_json: bool, language: Language | None) -> int:
    from crmsync.cli.opening import opened
    from crmsync.cli.progress import watching
    from crmsync.daemon.signals import Signals
    from crmsync.store.lock import instance_lock

    stop = threading.Event()
    with Signals() as signals, opened(config, language, stop=stop, log_level=logging.CRITICAL) as app:

        def work() -> PassResult:
            with watching(err()) as progress:
                return app.full_pass(progress=progress)

        with instance_lock(app.store):
            app.settle()
            result = signals.run(work, stop)
        emit(_data(result), as_json=as_json, language=app.config.language, show=lambda c: _show(c, result))
        return result.exit_code


def _data(result: PassResult) -> dict[str, object]:
    return {
        "runs": result.runs,
        "facts": result.facts,
        "rules": result.rules.rules if result.rules else {},
        "segments": result.segments,
        "cases": result.cases,
        "campaigns": result.plan.campaigns if result.plan else {},
        "delivered": result.delivery.counts if result.delivery else {},
        "failures": result.failures,
        "stopped": result.stopped,
    }


def _show(console: Console, result: PassResult) -> None:
    from crmsync.cli.sync import show_troubles

    if result.rules:
        table(
            console,
            ("rule", "judged", "raised", "kept", "changed", "cleared", "standing", ""),
            (
                (r.rule, r.judged, r.raised, r.kept, r.changed, r.cleared, r.standing, _why(r))
                for r in result.rules.rules.values()
            ),
        )
    if result.segments:
        table(
            console,
            ("segment", "members", "entered", "left"),
            ((s.segment, s.members, s.entered, s.left) for s in result.segments.values()),
        )
    if result.cases and result.cases.opened:
        console.print(f"cases opened: {result.cases.opened}", markup=False)
    if result.plan:
        table(
            console,
            ("campaign", "reasons to write", "planned", "not planned"),
            (
                (name, plan.occasions, _counted(plan.planned), _counted(plan.skipped))
                for name, plan in result.plan.campaigns.items()
            ),
        )
    if result.delivery:
        console.print(f"messages: {_counted(result.delivery.counts) or 'none due'}", markup=False)
    show_troubles(console, result)


def _why(rule: object) -> str:
    refused = getattr(rule, "refused", None)
    return str(getattr(rule, "failed", None) or (refused.text() if refused else ""))


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
