"""Where a stream stands, kept in the transaction of the data it speaks of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from crmsync.sdk import Cursor
from crmsync.store.bulk import Bulk
from crmsync.store.tables import CursorRow, to_instant
from crmsync.sync.kind import at

ROWS = Bulk(
    CursorRow,
    ("connection_id", "stream", "at", "token", "walked_at", "changed_at"),
    keep=("walked_at",),
)
WALKED = Bulk(CursorRow, ("connection_id", "stream", "at", "token", "walked_at", "changed_at"))


@dataclass(frozen=True, slots=True)
class Position:
    """A stream's committed cursor, and when a walk last reached the platform's end."""

    cursor: Cursor = field(default_factory=Cursor)
    walked_at: datetime | None = None


def read_position(connection: Connection, connection_id: int, stream: str) -> Position:
    """Where the stream stands; at the beginning when it has never run."""
    row = connection.execute(
        select(CursorRow.at, CursorRow.token, CursorRow.walked_at).where(
            CursorRow.connection_id == connection_id, CursorRow.stream == stream
        )
    ).first()
    return Position(Cursor(row.at, row.token), row.walked_at) if row else Position()


def advance(
    connection: Connection, connection_id: int, stream: str, cursor: Cursor, now: datetime, *, walked: bool
) -> None:
    """Move the stream to this cursor; `walked` when the walk has reached the platform's end."""
    moment = to_instant(now)
    (WALKED if walked else ROWS).upsert(
        connection,
        [(connection_id, stream, at(cursor.at), cursor.token, moment if walked else None, moment)],
    )
