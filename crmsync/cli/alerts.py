"""`crmsync alerts`: what the team has been told, and whether a channel reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from crmsync.daemon.alerts import StandingAlert

app = typer.Typer(help="What the team is told.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show the troubles that stand, and what each channel has been told of them."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.alerts import standing_alerts

    with opened(config, language) as opened_app:
        found = standing_alerts(opened_app.store)
        emit({"alerts": found}, as_json=as_json, language="en", show=lambda console: _show(console, found))


@app.command("test")
def test_(
    channel: Annotated[str, typer.Argument(help="The id of a channel to the team.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Post a notice that says it is a test."""
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        receipt = opened_app.test_alert(channel)
        emit(
            {"channel": channel, "reference": receipt.reference},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(f"{channel} took the notice.", markup=False),
        )


def _show(console: Console, found: Sequence[StandingAlert]) -> None:
    if not found:
        console.print("There is no trouble that a channel would be told of.")
        return
    table(
        console,
        ("alert", "what", "since", "channel", "told"),
        ((a.kind, a.subject, a.raised_at, a.channel, a.told_at or "not yet") for a in found),
    )
