"""Options that many commands share."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration; else CRMSYNC_CONFIG, ./crmsync.yaml or ./config/crmsync.yaml.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of words.")]


class Language(StrEnum):
    """A language crmsync speaks."""

    en = "en"
    zh = "zh"


InLanguage = Annotated[
    Language | None, typer.Option("--language", help="The language of reasons and summaries.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]


def moment(text: str | None, option: str) -> datetime | None:
    """A time a person typed: `2026-05-01`, `2026-05-01T08:00+08:00`, or `7d` for a week ago."""
    if text is None:
        return None
    from crmsync.sdk import UsageError
    from crmsync.sdk.settings import parse_duration

    try:
        ago: timedelta = parse_duration(text)
        return datetime.now(UTC) - ago
    except ValueError:
        pass
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option}: {text} is no time.",
            fix="Write 2026-05-01, 2026-05-01T08:00+08:00, or 7d for a week ago.",
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def duration(text: str | None, option: str) -> timedelta | None:
    """A length of time a person typed: `90d`, `12h`."""
    if text is None:
        return None
    from crmsync.sdk import UsageError
    from crmsync.sdk.settings import parse_duration

    try:
        return parse_duration(text)
    except ValueError:
        raise UsageError(f"{option}: {text} is no length of time.", fix="Write 90d or 12h.") from None


def actor() -> str:
    """Who types: what the audit calls them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
