"""Quarantine: rejected payloads, listed, replayed after a fix, or dropped by a person."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, text, update

from crmsync.sdk import Connector, Cursor, Page, UsageError
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.store.audit import audit
from crmsync.store.bulk import among, many
from crmsync.store.keyring import Keyring
from crmsync.store.tables import to_instant
from crmsync.store.vault import row_of, vault_of
from crmsync.sync.erased import WHY_WITHHELD, WITHHELD, keyed, screened, texts_of
from crmsync.sync.kind import at
from crmsync.sync.page import Rejected, map_pages
from crmsync.sync.write import Target, write_records

TRIES = 3
"""How often a rejected record is read before it waits for a person."""

_PUT = """
    INSERT INTO quarantine
        (connection_id, stream, external_id, digest, payload, reason, times, first_at, last_at, run_id,
         read_from, read_until)
    VALUES (:connection_id, :stream, :external_id, :digest, :payload, :reason, 1, :now, :now, :run_id,
            :read_from, :read_until)
    ON CONFLICT (connection_id, stream, digest) DO UPDATE SET
        reason = excluded.reason, times = quarantine.times + 1, last_at = excluded.last_at,
        run_id = excluded.run_id
"""


def put_aside(
    connection: Connection,
    target: Target,
    rejected: Sequence[Rejected],
    span: Cursor,
    run_id: int,
    now: int,
) -> None:
    """Keep rejected payloads, which came in this span of the stream; the same payload rejected again
    counts up instead of piling up."""
    if rejected:
        connection.execute(
            text(_PUT),
            [
                {
                    "connection_id": target.connection_id,
                    "stream": target.stream,
                    "external_id": entry.external_id,
                    "digest": entry.digest,
                    "payload": vault_of(connection).seal(
                        "quarantine.payload",
                        row_of(target.connection_id, target.stream, entry.digest),
                        entry.payload,
                    ),
                    "reason": entry.reason,
                    "now": now,
                    "run_id": run_id,
                    "read_from": at(span.at),
                    "read_until": at(span.until),
                }
                for entry in rejected
            ],
        )


def span_to_read_again(connection: Connection, connection_id: int, stream: str) -> Cursor | None:
    """The part of the stream in which records were rejected that may be better by now, if there is any."""
    q = t.Quarantine
    count, start, end, whole = connection.execute(
        select(
            func.count(),
            func.min(q.read_from),
            func.max(q.read_until),
            func.count().filter(q.read_from.is_(None)),
        ).where(
            q.connection_id == connection_id,
            q.stream == stream,
            q.times < TRIES,
            q.read_until.is_not(None),
        )
    ).one()
    return Cursor(at=None if whole else start, until=end) if count else None


def has_quarantine(connection: Connection, connection_id: int, stream: str) -> bool:
    """Whether anything of the stream is in quarantine."""
    query = select(t.Quarantine.id).where(
        t.Quarantine.connection_id == connection_id, t.Quarantine.stream == stream
    )
    return connection.execute(query.limit(1)).first() is not None


def release(connection: Connection, target: Target, external_ids: Sequence[str]) -> None:
    """A record that came again and was understood is no longer in quarantine."""
    if external_ids:
        connection.execute(
            text(
                "DELETE FROM quarantine WHERE connection_id = :connection_id AND stream = :stream "
                f"AND external_id IN {among(connection, 'ids')}"
            ),
            {
                "connection_id": target.connection_id,
                "stream": target.stream,
                "ids": many(connection, external_ids),
            },
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One quarantined record, without its payload."""

    id: int
    connection: str
    stream: str
    external_id: str | None
    reason: str
    times: int
    first_at: datetime
    last_at: datetime


def list_quarantine(
    store: Store, *, connection: str | None = None, stream: str | None = None, limit: int = 100
) -> list[Entry]:
    """What is in quarantine, latest first."""
    q = t.Quarantine
    query = (
        select(q.id, t.Connection.name, q.stream, q.external_id, q.reason, q.times, q.first_at, q.last_at)
        .join(t.Connection, t.Connection.id == q.connection_id)
        .order_by(q.last_at.desc(), q.id.desc())
        .limit(limit)
    )
    if connection is not None:
        query = query.where(t.Connection.name == connection)
    if stream is not None:
        query = query.where(q.stream == stream)
    with store.read() as reading:
        return [Entry(*row) for row in reading.execute(query)]


def quarantine_counts(store: Store) -> dict[tuple[str, str], int]:
    """Records in quarantine per connection and stream."""
    query = (
        select(t.Connection.name, t.Quarantine.stream, func.count())
        .join(t.Connection, t.Connection.id == t.Quarantine.connection_id)
        .group_by(t.Connection.name, t.Quarantine.stream)
    )
    with store.read() as reading:
        return {(name, stream): count for name, stream, count in reading.execute(query)}


def payload_of(store: Store, entry_id: int) -> Any:
    """The rejected payload as the platform gave it, None where it is kept no more. Raises UsageError when
    there is no such entry."""
    with store.read() as reading:
        payload = reading.execute(select(t.Quarantine.payload).where(t.Quarantine.id == entry_id)).scalar()
    if payload is None:
        raise UsageError(f"There is no quarantined record {entry_id}.", fix="See `crmsync quarantine list`.")
    return json.loads(payload) if payload != WITHHELD else None


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of quarantined records that were mapped again."""

    stored: int
    rejected: int
    reasons: Mapping[str, int]


def replay(
    store: Store,
    connector: Connector[Any],
    target: Target,
    now: datetime,
    ids: Sequence[int] | None = None,
) -> Replayed:
    """Map quarantined payloads again, store what is understood now, keep the rest with its new reason.

    Each entry is stored and removed in one transaction.
    """
    q = t.Quarantine
    query = select(q.id, q.payload).where(
        q.connection_id == target.connection_id, q.stream == target.stream, q.payload != WITHHELD
    )
    if ids is not None:
        query = query.where(q.id.in_(ids))
    with store.read() as reading:
        entries = reading.execute(query.order_by(q.id)).all()
    stream = getattr(connector, target.stream)
    moment = to_instant(now)
    stored, reasons = 0, Counter[str]()
    for entry_id, payload in entries:
        mapped = map_pages(stream, [Page([json.loads(payload)], Cursor())])
        with store.write() as connection:
            if mapped.rejected:
                reasons[mapped.rejected[0].reason] += 1
                connection.execute(
                    q.__table__.update()  # type: ignore[attr-defined]
                    .where(q.id == entry_id)
                    .values(reason=mapped.rejected[0].reason, last_at=now, times=q.times + 1)
                )
            else:
                screen = target.screen(connection)
                page = screened(screen, mapped.records, mapped.digests)
                write_records(connection, target, page, moment)
                connection.execute(delete(q).where(q.id == entry_id))
                stored += 1
    return Replayed(stored, reasons.total(), dict(reasons))


def payloads_where(
    connection: Connection, theirs: Callable[[str, str | None, set[str]], bool]
) -> list[tuple[int, Any]]:
    """The entries, with their payloads, for whose stream, external id and texts `theirs` is true."""
    q = t.Quarantine
    query = select(q.id, q.stream, q.external_id, q.payload).where(q.payload != WITHHELD).order_by(q.id)
    found = []
    for id, stream, external_id, kept in connection.execute(query.execution_options(yield_per=500)):
        payload = json.loads(kept)
        if theirs(stream, external_id, set(texts_of(payload))):
            found.append((id, payload))
    return found


def withhold(connection: Connection, ids: Sequence[int], keyring: Keyring) -> None:
    """Keep of these entries that there was a record, and no more. What it is recognised by when it is
    rejected again changes in the way in which sync changes it."""
    q = t.Quarantine
    rows = connection.execute(select(q.id, q.stream, q.digest).where(q.id.in_(ids))).all()
    for id, stream, digest in rows:
        values: dict[str, Any] = {
            "payload": WITHHELD,
            "reason": WHY_WITHHELD,
            "digest": keyed(keyring, digest),
        }
        if stream == "customers":
            values["external_id"] = None
        connection.execute(update(q).where(q.id == id).values(**values))


def drop(store: Store, ids: Sequence[int], actor: str, now: datetime) -> int:
    """Give quarantined records up for good; how many there were. Written into the audit."""
    with store.write() as connection:
        dropped = connection.execute(
            delete(t.Quarantine)
            .where(t.Quarantine.id.in_(ids))
            .returning(t.Quarantine.id, t.Quarantine.stream, t.Quarantine.external_id, t.Quarantine.reason)
        ).all()
        for row in dropped:
            # The audit is kept for ever, and who a profile was of may have to be forgotten.
            named = row.external_id if row.stream != "customers" else None
            audit(connection, now, actor, "quarantine_dropped", f"{row.stream}/{named or row.id}", row.reason)
    return len(dropped)
