"""`crmsync quarantine`: records that could not be understood."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import PARTIAL
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Limit, actor
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.sync.quarantine import Entry

app = typer.Typer(help="Records that could not be understood.", no_args_is_help=True)

Connection = Annotated[str | None, typer.Option("--connection", help="Only of this connection.")]
Stream = Annotated[str | None, typer.Option("--stream", help="Only of this stream.")]


@app.command("list")
def list_(
    connection: Connection = None,
    stream: Stream = None,
    limit: Limit = 100,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show what is in quarantine, and why."""
    from crmsync.cli.opening import opened
    from crmsync.sync.quarantine import list_quarantine, quarantine_counts

    with opened(config, language) as opened_app:
        entries = list_quarantine(opened_app.store, connection=connection, stream=stream, limit=limit)
        counts = quarantine_counts(opened_app.store)
        emit(
            {"counts": counts, "records": entries},
            as_json=as_json,
            language="en",
            show=lambda console: _show(console, entries, sum(counts.values())),
        )


def _show(console: Console, entries: list[Entry], total: int) -> None:
    if not total:
        console.print("Nothing is in quarantine.")
        return
    table(
        console,
        ("id", "stream", "record", "times", "last", "why"),
        ((e.id, f"{e.connection}/{e.stream}", e.external_id, e.times, e.last_at, e.reason) for e in entries),
    )
    console.print(f"{len(entries)} of {total}.")


@app.command("show")
def show(
    id: Annotated[int, typer.Argument(metavar="ID", help="The record, by number.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show one record as the platform gave it. It may hold a customer's data."""
    from crmsync.cli.opening import opened
    from crmsync.sync.quarantine import payload_of

    with opened(config, language) as opened_app:
        payload = payload_of(opened_app.store, id)
        emit(
            {"id": id, "payload": payload},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                json.dumps(payload, ensure_ascii=False, indent=2), markup=False, soft_wrap=True
            ),
        )


@app.command("replay")
def replay(
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Only these records.")] = None,
    connection: Connection = None,
    stream: Stream = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> int:
    """Map quarantined records again, after the mapping was corrected; store what is understood now."""
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        done = opened_app.replay(connection=connection, stream=stream, ids=ids)
        emit(
            {"stored": done.stored, "rejected": done.rejected, "reasons": done.reasons},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                f"{done.stored} stored, {done.rejected} still rejected."
                + "".join(f"\n  {count}× {reason}" for reason, count in done.reasons.items()),
                markup=False,
            ),
        )
        return PARTIAL if done.rejected else 0


@app.command("drop")
def drop(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="The records, by number.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Give records up for good."""
    from crmsync.cli.opening import opened
    from crmsync.sdk import UsageError
    from crmsync.sync.quarantine import drop as give_up

    with opened(config, language) as opened_app:
        count = give_up(opened_app.store, ids, actor(), opened_app.clock.now())
        if not count:
            raise UsageError("None of these is in quarantine.", fix="See: crmsync quarantine list.")
        emit(
            {"dropped": count},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"{count} dropped."),
        )
