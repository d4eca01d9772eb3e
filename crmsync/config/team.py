"""Channels to the team and channels to customers are not to be mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmsync.config.document import Document
from crmsync.config.problem import Place
from crmsync.config.registry import Registry
from crmsync.sdk import Channel


def check_team_channels(document: Document, plugins: Registry) -> None:
    """Note every campaign that would write to customers by a channel which reaches the team alone."""
    team = set(_channels(document, plugins, Channel))
    for i, campaign in enumerate(_entries(document, "care")):
        for channel, place in _named(campaign, ("care", i)):
            if channel in team:
                document.report(
                    place,
                    f"{channel} reaches the team, not customers.",
                    "Use a channel that reaches customers; this one is for alerts.",
                )


def _channels(document: Document, plugins: Registry, lacking: type) -> Iterator[str]:
    """The ids of the configured channels whose class is none of this kind."""
    for entry in _entries(document, "channels"):
        offered = plugins.channels.get(str(entry.get("channel"))) if isinstance(entry, dict) else None
        if offered is not None and not issubclass(offered, lacking):
            yield str(entry.get("id"))


def _named(part: Any, place: Place) -> Iterator[tuple[str, Place]]:
    """Every channel that a campaign names, with its steps and its fallbacks."""
    if isinstance(part, list):
        for i, item in enumerate(part):
            yield from _named(item, (*place, i))
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "channel" or key == "channels":
                yield from _texts(value, (*place, key))
            else:
                yield from _named(value, (*place, key))


def _texts(value: Any, place: Place) -> Iterator[tuple[str, Place]]:
    if isinstance(value, str):
        yield value, place
    elif isinstance(value, list):
        yield from ((item, (*place, i)) for i, item in enumerate(value) if isinstance(item, str))


def _entries(document: Document, section: str) -> list[Any]:
    entries = document.data.get(section)
    return entries if isinstance(entries, list) else []
