"""`crmsync sync`: pull now."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, moment
from crmsync.cli.output import emit, err, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.daemon.outcome import PassResult


def sync(
    connection: Annotated[
        str | None, typer.Argument(help="The connection; all enabled ones when left out.")
    ] = None,
    stream: Annotated[
        list[str] | None, typer.Option("--stream", help="Only this stream; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Read again what changed from then on: 2026-05-01, or 7d.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Read again what changed before then.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and compare, store nothing.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Pull what changed since the last time, and store it."""
    from contextlib import nullcontext

    from crmsync.cli.opening import opened
    from crmsync.cli.progress import watching
    from crmsync.daemon.signals import Signals
    from crmsync.sdk import UsageError
    from crmsync.store.lock import instance_lock
    from crmsync.sync.stream import Scope

    scope = Scope(moment(since, "--since"), moment(until, "--until"), full, dry_run)
    if full and (since or until):
        raise UsageError(
            "--full reads everything, so it takes no --since and no --until.", fix="Leave one out."
        )
    stop = threading.Event()
    with Signals() as signals, opened(config, language, stop=stop) as app:
        ids = [connection] if connection else [c.id for c in app.config.connections if c.enabled]
        for id in ids:
            app.connections.check_streams(id, stream or ())

        def pull() -> PassResult:
            with watching(err()) as progress:
                return app.sync_all(ids, streams=stream, scope=scope, progress=progress)

        # Reading beside a daemon is harmless; writing beside it is not.
        with nullcontext() if dry_run else instance_lock(app.store):
            if not dry_run:
                app.settle()
            result = signals.run(pull, stop)
        emit(
            {"dry_run": dry_run, "runs": result.runs, "failures": result.failures},
            as_json=as_json,
            language=app.config.language,
            show=lambda console: _show(console, result),
        )
        return result.exit_code


def _show(console: Console, result: PassResult) -> None:
    table(
        console,
        ("stream", "status", "pulled", "new", "changed", "unchanged", "quarantined", "gone", "waited"),
        (
            (
                f"{run.connection}/{run.stream}",
                run.status,
                run.pulled,
                run.inserted,
                run.updated,
                run.unchanged,
                run.rejected,
                run.deleted,
                f"{run.waited_seconds:.1f} s" if run.waited_seconds else "",
            )
            for run in result.runs
        ),
    )
    show_troubles(console, result)


def show_troubles(console: Console, result: PassResult) -> None:
    """Why something of a pass did not end well."""
    for run in result.runs:
        if run.reason:
            console.print(f"{run.connection}/{run.stream}: {run.reason}", markup=False)
    for failure in result.failures:
        console.print(f"{failure.stage} {failure.part}: {failure.reason}", markup=False)
