"""How long a connection's streams keep what tells of customers, as it is stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from crmsync.store.bulk import among, many

CONTACT: Mapping[str, Any] = {
    "name": None,
    "email": None,
    "email_index": None,
    "email_verified": False,
    "phone": None,
    "phone_index": None,
    "phone_verified": False,
    "region": None,
    "city": None,
    "birthday": None,
}
"""The columns of an account that are its contact data, and what stands there without any."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what customers said is kept, by stream, and how long their contact data are after an order."""

    words: Mapping[str, timedelta] = field(default_factory=dict)
    contact: timedelta | None = None

    def said_too_long_ago(self, stream: str, time: datetime | None, now: datetime) -> bool:
        """Whether what was said then is kept no more."""
        longest = self.words.get(stream)
        return longest is not None and time is not None and time < now - longest

    def ordered_lately(self, time: datetime, now: datetime) -> bool:
        """Whether who ordered then has contact data."""
        return self.contact is not None and time > now - self.contact


KEEP_ALL = Keep()


def expired_contacts(connection: Connection, connection_id: int, accounts: Collection[str]) -> set[str]:
    """Those of these accounts whose contact data have expired."""
    rows = connection.execute(
        text(
            "SELECT external_id FROM account WHERE connection_id = :connection_id"
            f" AND contact_expired_at IS NOT NULL AND external_id IN {among(connection, 'accounts')}"
        ),
        {"connection_id": connection_id, "accounts": many(connection, accounts)},
    )
    return set(rows.scalars())


def keep_contacts(connection: Connection, connection_id: int, accounts: Collection[str]) -> None:
    """Contact data of these accounts are stored again, as soon as the platform tells of them."""
    if accounts:
        connection.execute(
            text(
                "UPDATE account SET contact_expired_at = NULL, digest = 0, key_id = ''"
                " WHERE connection_id = :connection_id AND contact_expired_at IS NOT NULL"
                f" AND external_id IN {among(connection, 'accounts')}"
            ),
            {"connection_id": connection_id, "accounts": many(connection, accounts)},
        )
