"""`crmsync care`: who the campaigns would write to now, and what they brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table
from crmsync.cli.report import report

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.care import CampaignPreview

app = typer.Typer(
    help="Campaigns and consent: whom they would write to, what they brought, and who said no.",
    no_args_is_help=True,
)
app.command("report")(report)


@app.command("preview")
def preview(
    campaign: Annotated[str | None, typer.Argument(help="Only this campaign; also one that is off.")] = None,
    examples: Annotated[int, typer.Option("--examples", min=0, help="So many of each outcome.")] = 3,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show who would get what and why, and why others would not. Nothing is stored or sent."""
    from crmsync.cli.opening import opened

    with opened(config, language) as opened_app:
        previews = opened_app.preview_care(campaign, examples)
        told = opened_app.config.language
        emit(
            {"campaigns": previews},
            as_json=as_json,
            language=told,
            show=lambda console: _show(console, previews, told),
        )


def _show(console: Console, previews: list[CampaignPreview], language: str) -> None:
    from crmsync.sdk import translate

    for found in previews:
        if found.problem:
            console.print(f"{found.campaign}: {found.problem}", markup=False)
            continue
        waits = f", {found.awaits_approval} of them after a person approves" if found.awaits_approval else ""
        console.print(
            f"{found.campaign}: {found.would_send} of {found.occasions} would be written to{waits}",
            markup=False,
        )
        table(
            console,
            ("not written to", "why"),
            ((count, translate(why, language)) for why, count in found.would_not.most_common()),
        )
        for example in found.examples:
            outcome = translate(example.not_sent, language) or f"{example.channel}, {example.language}"
            console.print(
                f"\ncustomer {example.customer_id} of {example.connection}: {example.why.text(language)}"
                f" → {outcome}",
                markup=False,
            )
            if example.text is not None:
                console.print(f"  {example.text.subject}", markup=False)
                for line in example.text.body.splitlines():
                    console.print(f"  | {line}", markup=False)
        console.print()
