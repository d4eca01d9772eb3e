"""What campaigns and segments name must stand elsewhere in the file: rules, segments and channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from crmsync.config.campaign import Campaign
from crmsync.config.document import Document
from crmsync.config.problem import Place, nearest
from crmsync.config.registry import Registry
from crmsync.config.selection import InvalidSelection, flags_in, parse


def check_campaigns(document: Document, plugins: Registry, channels: Iterable[str]) -> None:
    """Note every campaign's rule, segment and channel that the file does not have, and every rule whose flags
    may not be answered by messages. `channels` are there without being in the file."""
    check = _Check(document, plugins, channels)
    care = document.data.get("care")
    for i, campaign in enumerate(care if isinstance(care, list) else []):
        if isinstance(campaign, dict):
            check.campaign(campaign, ("care", i))


def check_cases(document: Document) -> None:
    """Note every rule that is to open cases and that the file does not have."""
    cases, rules = document.data.get("cases"), document.data.get("rules")
    names = cases.get("open_on") if isinstance(cases, dict) else None
    known = list(rules) if isinstance(rules, dict) else []
    for i, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str) and name not in known:
            document.report(
                ("cases", "open_on", i),
                f"no rule is called {name}.",
                nearest(name, known, "Add it under rules."),
            )


def check_segments(document: Document, plugins: Registry, rules: Any) -> None:
    """Note every fault of every segment. `rules` are the entries of `rules` with their settings read."""
    judged = {name: _judged(plugins, rule) for name, rule in rules.items()} if isinstance(rules, dict) else {}
    segments = document.data.get("segments")
    for name, selection in segments.items() if isinstance(segments, dict) else ():
        place: Place = ("segments", name)
        if not isinstance(selection, str) or place in document.broken:
            continue
        try:
            parse(selection, judged)
        except InvalidSelection as invalid:
            for fault in invalid.faults:
                document.report(place, fault.message, fault.fix, offset=fault.at)


def _judged(plugins: Registry, entry: Any) -> str | None:
    """What a configured rule judges, where that can be told."""
    rule = plugins.rules.get(str(entry.get("rule"))) if isinstance(entry, dict) else None
    try:
        return rule(entry["settings"]).subject if rule is not None else None
    except Exception:
        # A plugin may raise anything; it is told where the rule is made.
        return None


class _Check:
    def __init__(self, document: Document, plugins: Registry, channels: Iterable[str]) -> None:
        self.document = document
        self.plugins = plugins
        rules = document.data.get("rules")
        self.rules: dict[str, Any] = rules if isinstance(rules, dict) else {}
        segments = document.data.get("segments")
        self.segments: dict[str, Any] = segments if isinstance(segments, dict) else {}
        listed = document.data.get("channels")
        entries = listed if isinstance(listed, list) else []
        self.channels = [*(str(c.get("id")) for c in entries if isinstance(c, dict)), *channels]

    def campaign(self, campaign: dict[str, Any], place: Place) -> None:
        for rule, where in self._rules_in(campaign, place):
            if rule not in self.rules:
                fix = nearest(rule, self.rules) + f" Or add {rule} under rules."
                self.document.report(where, f"no rule is called {rule}.", fix.strip())
            elif self._for_a_person(rule):
                self.document.report(
                    where,
                    f"the flags of {rule} are for a person to decide on; no campaign may answer them.",
                    f"Look at them with `crmsync flags --rule {rule}`.",
                )
        when = campaign.get("when")
        for holder, where in ((when, (*place, "when")), (campaign, place)):
            segment = holder.get("segment") if isinstance(holder, dict) else None
            if not isinstance(segment, str):
                continue
            if segment not in self.segments:
                fix = nearest(segment, self.segments, "Add it under segments.")
                self.document.report((*where, "segment"), f"no segment is called {segment}.", fix)
            for rule in self._person_only(segment):
                self.document.report(
                    (*where, "segment"),
                    f"{segment} looks at the flags of {rule}, which are for a person to decide on; "
                    "no campaign may depend on them.",
                    f"Take {rule} out of it, or look at its members: `crmsync segments preview {segment}`.",
                )
        channel = campaign.get("channel", Campaign.model_fields["channel"].default)
        in_list = isinstance(channel, list)
        for i, id in enumerate(channel if in_list else [channel]):
            if isinstance(id, str) and id not in self.channels:
                at: Place = (*place, "channel", i) if in_list else (*place, "channel")
                self.document.report(
                    at if "channel" in campaign else place,
                    f"no channel has the id {id}.",
                    nearest(id, self.channels, "Add one under channels."),
                )

    def _rules_in(self, campaign: dict[str, Any], place: Place) -> Iterator[tuple[str, Place]]:
        when = campaign.get("when")
        if isinstance(when, str):
            yield when, (*place, "when")
        elif isinstance(when, dict) and isinstance(when.get("flag"), str):
            yield when["flag"], (*place, "when", "flag")

    def _person_only(self, segment: str) -> list[str]:
        """The rules in a segment whose flags are for people alone."""
        try:
            selection = parse(str(self.segments.get(segment, "")), dict.fromkeys(self.rules))
        except InvalidSelection:
            return []  # it is told where the segment stands
        return [rule for rule in flags_in(selection) if self._for_a_person(rule)]

    def _for_a_person(self, name: str) -> bool:
        entry = self.rules[name]
        kind = entry.get("rule", name) if isinstance(entry, dict) else name
        rule = self.plugins.rules.get(str(kind))
        return rule is not None and rule.for_a_person
