"""From when to when the history reaches, and since when we have been listening to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from crmsync.store import Store
from crmsync.store.tables import from_instant


@dataclass(frozen=True, slots=True)
class Span:
    """The first and the last order there is, and when we first learned of any."""

    first: datetime
    last: datetime
    learned: datetime


def history_span(store: Store) -> Span | None:
    """None while there is no order."""
    with store.read() as connection:
        found = connection.execute(
            text(
                'SELECT MIN(placed_at), MAX(placed_at), MIN(learned_at) FROM "order" WHERE deleted_at IS NULL'
            )
        ).one()
    return None if found[0] is None else Span(*(from_instant(int(value)) for value in found))
