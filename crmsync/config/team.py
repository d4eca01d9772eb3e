"""Channels to the team and channels to customers are not to be mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crmsync.config.document import Document
from crmsync.config.problem import Place, nearest
from crmsync.config.registry import Registry
from crmsync.sdk import Channel, TeamChannel


def check_team_channels(document: Document, plugins: Registry) -> None:
    """Note every campaign that names a channel which reaches the team alone, and every alert whose
    channel does not reach it."""
    check = _Check(document, plugins)
    for i, campaign in enumerate(_entries(document, "care")):
        check.campaign(campaign, ("care", i))
    for i, alert in enumerate(_entries(document, "alerts")):
        check.alert(alert, ("alerts", i))


class _Check:
    def __init__(self, document: Document, plugins: Registry) -> None:
        self.document = document
        entries = [entry for entry in _entries(document, "channels") if isinstance(entry, dict)]
        self.classes = {
            str(entry.get("id")): plugins.channels.get(str(entry.get("channel"))) for entry in entries
        }
        self.told: dict[tuple[str, str], Place] = {}

    def campaign(self, campaign: Any, place: Place) -> None:
        for channel, where in _named(campaign, place):
            if self._lacks(channel, Channel):
                self.document.report(
                    where,
                    f"{channel} reaches the team, not customers.",
                    "Use a channel that reaches customers; this one is for alerts.",
                )

    def alert(self, alert: Any, place: Place) -> None:
        channel = alert.get("channel") if isinstance(alert, dict) else None
        if not isinstance(channel, str):
            return
        reaching = [id for id in self.classes if not self._lacks(id, TeamChannel)]
        if channel not in self.classes:
            fix = nearest(channel, reaching, "Add a channel to the team under channels, such as dingtalk.")
            self.document.report((*place, "channel"), f"no channel has the id {channel}.", fix)
        elif self._lacks(channel, TeamChannel):
            self.document.report(
                (*place, "channel"),
                f"{channel} reaches customers, not the team.",
                nearest("", reaching, "Add a channel to the team under channels, such as dingtalk."),
            )
        on = alert.get("on")
        for i, kind in enumerate(on if isinstance(on, list) else []):
            if isinstance(kind, str) and (channel, kind) in self.told:
                self.document.report(
                    (*place, "on", i), f"{channel} is told of {kind} twice.", "Leave it in one place."
                )
            self.told[channel, str(kind)] = place

    def _lacks(self, channel: str, ability: type) -> bool:
        """Whether a known channel is none of this kind."""
        offered = self.classes.get(channel)
        return offered is not None and not issubclass(offered, ability)


def _named(part: Any, place: Place) -> Iterator[tuple[str, Place]]:
    """Every channel that a campaign names, with its steps and its fallbacks."""
    if isinstance(part, list):
        for i, item in enumerate(part):
            yield from _named(item, (*place, i))
    elif isinstance(part, dict):
        for key, value in part.items():
            if key in ("channel", "channels"):
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
