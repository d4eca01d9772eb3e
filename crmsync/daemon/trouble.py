"""What a person of the shop should look at, as it stands in the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import func, select

from crmsync.care import broken_lanes
from crmsync.config import Config
from crmsync.config.alert import AlertKind
from crmsync.daemon.status import StreamStatus, read_status
from crmsync.rules.reasons import load_told
from crmsync.sdk import Told, mark
from crmsync.sdk.redaction import Redactor
from crmsync.store import Store
from crmsync.store.tables import Flag, Message

_WAITING = mark("{count} messages")
_LAST = mark("last complete at {at}")
_REJECTED = mark("{count} records")

# A reason comes from a platform's answer, and what it quotes is not ours to pass on.
_CONTACTS = Redactor()


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong: with what, and what is known of it."""

    subject: str
    told: Told


Troubles = dict[AlertKind, list[Trouble]]


def find_troubles(store: Store, config: Config, kinds: Collection[AlertKind], now: datetime) -> Troubles:
    """The troubles of these kinds, by kind; each list is in the order of the subjects."""
    streams: list[StreamStatus] = []
    if not _OF_STREAMS.keys().isdisjoint(kinds):
        status = read_status(store, config, now)
        streams = [s for c in status.connections if c.configured and c.enabled for s in c.streams]
    found: Troubles = {}
    for kind in kinds:
        troubles = _OF_STREAMS[kind](streams) if kind in _OF_STREAMS else _IN_STORE[kind](store)
        found[kind] = sorted(troubles, key=lambda trouble: trouble.subject)
    return found


def _failed(streams: Collection[StreamStatus]) -> list[Trouble]:
    failed: dict[str, list[StreamStatus]] = {}
    for stream in streams:
        if stream.state == "failed":
            failed.setdefault(stream.connection, []).append(stream)
    return [
        Trouble(connection, _plain(f"{', '.join(s.stream for s in of)}: {of[0].reason}"))
        for connection, of in failed.items()
    ]


def _behind(streams: Collection[StreamStatus]) -> list[Trouble]:
    return [
        Trouble(f"{s.connection}/{s.stream}", _since(s.synced_at)) for s in streams if s.state == "behind"
    ]


def _rejected(streams: Collection[StreamStatus]) -> list[Trouble]:
    return [
        Trouble(f"{s.connection}/{s.stream}", Told(_REJECTED, {"count": s.quarantined}))
        for s in streams
        if s.quarantined
    ]


def _broken(store: Store) -> list[Trouble]:
    return [Trouble(f"{lane.channel}/{lane.connection}", _plain(lane.reason)) for lane in broken_lanes(store)]


def _flagged(store: Store) -> list[Trouble]:
    query = select(Flag.rule, Flag.subject, Flag.subject_id, Flag.reasons).where(
        Flag.subject.in_(("product", "shop", "agent")), Flag.cleared_at.is_(None)
    )
    with store.read() as reading:
        rows = reading.execute(query).all()
    troubles = []
    for row in rows:
        reasons = json.loads(row.reasons)
        told = load_told(reasons[0]["told"]) if reasons else _plain("")
        troubles.append(Trouble(f"{row.rule}: {row.subject} {row.subject_id}", told))
    return troubles


def _in_state(state: str, store: Store) -> list[Trouble]:
    query = select(Message.campaign, func.count()).where(Message.state == state).group_by(Message.campaign)
    with store.read() as reading:
        return [Trouble(name, Told(_WAITING, {"count": n})) for name, n in reading.execute(query)]


def _since(synced_at: datetime | None) -> Told:
    return Told(_LAST, {"at": f"{synced_at:%Y-%m-%d %H:%M} UTC"}) if synced_at else _plain("")


def _plain(text: str) -> Told:
    return Told("{text}", {"text": _CONTACTS.text(text)})


_OF_STREAMS: dict[AlertKind, Callable[[Collection[StreamStatus]], list[Trouble]]] = {
    "connection_failed": _failed,
    "stream_behind": _behind,
    "records_rejected": _rejected,
}
_IN_STORE: dict[AlertKind, Callable[[Store], list[Trouble]]] = {
    "breaker_open": _broken,
    "rate_over_threshold": _flagged,
    "approval_waiting": partial(_in_state, "awaiting_approval"),
    "message_unknown": partial(_in_state, "unknown"),
}
