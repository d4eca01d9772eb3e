"""What makes facts stale besides a record: a message that has gone out."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text

from crmsync.store.prepared import Prepared

_TOUCH = Prepared(
    text("""INSERT INTO touched (connection_id, kind, external_id, stamp)
 SELECT connection_id, 'account', account_id, :stamp FROM message WHERE id = :id
 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = excluded.stamp""")
)


def message_sent(transaction: Connection, *ids: int) -> None:
    """Note that the facts of the customers these messages went to are stale."""
    if ids:
        _TOUCH(transaction, [{"id": id, "stamp": time.time_ns() // 1000} for id in ids])
