"""`crmsync segments`: named selections of customers, and who belongs to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.segments import KnownSegment, SegmentPreview

app = typer.Typer(help="Segments: named selections of customers.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show the configured segments, how many belong to each, and who came and went this week."""
    from crmsync.cli.opening import opened
    from crmsync.segments import list_segments

    with opened(config, language) as opened_app:
        found = list_segments(opened_app.store, opened_app.config.segments, opened_app.clock.now())
        emit(
            {"segments": found},
            as_json=as_json,
            language=opened_app.config.language,
            show=lambda console: _list(console, found),
        )


def _list(console: Console, found: list[KnownSegment]) -> None:
    table(
        console,
        ("segment", "members", "entered in 7 days", "left", "as of", "who"),
        ((s.name, s.members, s.entered, s.left, s.refreshed_at or "never", s.selection) for s in found),
    )


@app.command("preview")
def preview(
    name: Annotated[str, typer.Argument(help="A segment of the configuration.")],
    examples: Annotated[int, typer.Option("--examples", min=0, help="Show so many members.")] = 5,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show who would belong to a segment now and what puts them there; nothing is stored."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.preview import preview_segment

    with opened(config, language) as opened_app:
        found = preview_segment(opened_app, name, examples)
        emit(
            {"segment": found},
            as_json=as_json,
            language=opened_app.config.language,
            show=lambda console: _preview(console, found),
        )


def _preview(console: Console, found: SegmentPreview) -> None:
    console.print(f"{found.name}: {found.selection}", markup=False)
    console.print(
        f"{found.members} of {found.customers} customers; {found.entering} would enter, "
        f"{found.leaving} would leave."
    )
    if found.examples:
        facts, flags = list(found.examples[0].facts), sorted({f for m in found.examples for f in m.flags})
        table(
            console,
            ("customer", "name", *facts, *flags),
            (
                (m.customer_id, m.name, *m.facts.values(), *(m.flags.get(flag, "") for flag in flags))
                for m in found.examples
            ),
        )
