"""`crmsync flags`: who and what is flagged now, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Limit
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from crmsync.rules import StandingFlag


def flags(
    rule: Annotated[str | None, typer.Option("--rule", help="Only of this rule.")] = None,
    limit: Limit = 50,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show the flags that stand, with their reasons."""
    from crmsync.cli.opening import opened
    from crmsync.rules import flag_counts, standing_flags

    with opened(config, language) as app:
        found = standing_flags(app.store, rule=rule, limit=limit)
        counts = flag_counts(app.store)
        told = app.config.language
        emit(
            {"counts": counts, "flags": found},
            as_json=as_json,
            language=told,
            show=lambda console: _show(console, found, sum(sum(c.values()) for c in counts.values()), told),
        )


def _show(console: Console, found: Sequence[StandingFlag], standing: int, language: str) -> None:
    from crmsync.sdk import translate

    table(
        console,
        ("rule", "level", "state", "score", "subject", "since", "reasons"),
        (
            (
                flag.rule,
                flag.level,
                translate(flag.state or "", language),
                flag.score,
                f"{flag.subject} {flag.subject_id}",
                f"{flag.raised_at:%Y-%m-%d}",
                " ".join(reason.told.text(language) for reason in flag.reasons),
            )
            for flag in found
        ),
    )
    if standing > len(found):
        console.print(f"{len(found)} of {standing} that stand; more with --limit.")
