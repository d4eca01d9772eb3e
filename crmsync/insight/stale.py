"""What makes facts stale besides a record: a message that has gone out."""

from __future__ import annotations

import time

from sqlalchemy import Connection, text


def message_sent(transaction: Connection, *ids: int) -> None:
    """Note that the facts of the customers these messages went to are stale."""
    if not ids:
        return
    transaction.execute(
        text("""INSERT INTO touched (connection_id, kind, external_id, stamp)
 SELECT connection_id, 'account', account_id, :stamp FROM message WHERE id = :id
 ON CONFLICT (connection_id, kind, external_id) DO UPDATE SET stamp = excluded.stamp"""),
        [{"id": id, "stamp": time.time_ns() // 1000} for id in ids],
    )
