"""The words of notices to the team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crmsync.config.alert import AlertKind
from crmsync.daemon.trouble import Trouble
from crmsync.sdk import Notice, Told, mark
from crmsync.sdk.team import NoticeState

MOST = 10
"""Lines of one notice; the rest is counted."""


@dataclass(frozen=True, slots=True)
class _Words:
    one: str
    many: str
    over: str
    many_over: str
    look: str


_WORDS: dict[AlertKind, _Words] = {
    "connection_failed": _Words(
        mark("{subject} cannot be pulled"),
        mark("{count} connections cannot be pulled"),
        mark("{subject} is pulled again"),
        mark("{count} connections are pulled again"),
        "crmsync status",
    ),
    "stream_behind": _Words(
        mark("{subject} is behind"),
        mark("{count} streams are behind"),
        mark("{subject} has caught up"),
        mark("{count} streams have caught up"),
        "crmsync status",
    ),
    "records_rejected": _Words(
        mark("{subject} has records in quarantine"),
        mark("{count} streams have records in quarantine"),
        mark("{subject} has nothing in quarantine any more"),
        mark("{count} streams have nothing in quarantine any more"),
        "crmsync quarantine list",
    ),
    "breaker_open": _Words(
        mark("{subject} delivers nothing"),
        mark("{count} channels deliver nothing"),
        mark("{subject} delivers again"),
        mark("{count} channels deliver again"),
        "crmsync messages list --state failed",
    ),
    "rate_over_threshold": _Words(
        mark("Over the threshold: {subject}"),
        mark("{count} products, shops or agents are over a threshold"),
        mark("No longer over the threshold: {subject}"),
        mark("{count} products, shops or agents are no longer over a threshold"),
        "crmsync flags",
    ),
    "approval_waiting": _Words(
        mark("Messages of {subject} wait for approval"),
        mark("Messages of {count} campaigns wait for approval"),
        mark("No message of {subject} waits for approval any more"),
        mark("No messages of {count} campaigns wait for approval any more"),
        "crmsync messages list --state awaiting_approval",
    ),
    "message_unknown": _Words(
        mark("Messages of {subject} may or may not have arrived"),
        mark("Messages of {count} campaigns may or may not have arrived"),
        mark("Every message of {subject} is settled"),
        mark("Every message of {count} campaigns is settled"),
        "crmsync messages list --state unknown",
    ),
}
_STILL = mark("still: {title}")
_MORE = mark("and {count} more")
_LOOK = mark("See: {command}")
_TEST = mark("This is a test: notices to the team arrive here.")


def notice(
    kind: AlertKind, state: NoticeState, troubles: Sequence[Trouble], language: str, now: datetime
) -> Notice:
    """What the team reads of these troubles of one kind."""
    words = _WORDS[kind]
    over = state == "recovered"
    if len(troubles) == 1:
        pattern, values = words.over if over else words.one, {"subject": troubles[0].subject}
    else:
        pattern, values = words.many_over if over else words.many, {"count": str(len(troubles))}
    title = Told(pattern, {**values}).text(language)
    if state == "reminder":
        title = Told(_STILL, {"title": title}).text(language)
    lines = [_line(trouble, language, alone=len(troubles) == 1) for trouble in troubles[:MOST]]
    if len(troubles) > MOST:
        lines.append(Told(_MORE, {"count": len(troubles) - MOST}).text(language))
    if not over:
        lines.append(Told(_LOOK, {"command": words.look}).text(language))
    return Notice(f"crmsync: {title}", "\n".join(line for line in lines if line), now, kind, state)


def test_notice(language: str, now: datetime) -> Notice:
    """What shows that a channel reaches the team."""
    return Notice(f"crmsync: {Told(_TEST).text(language)}", "", now, "test", "test")


def _line(trouble: Trouble, language: str, *, alone: bool) -> str:
    told = trouble.told.text(language)
    if alone:
        return told
    return f"- {trouble.subject}: {told}" if told else f"- {trouble.subject}"
