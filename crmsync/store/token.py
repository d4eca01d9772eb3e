"""Access tokens kept in the store, so that a rotated refresh token survives the process."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable

from sqlalchemy import select, update

from crmsync.sdk import Token
from crmsync.store.database import Store
from crmsync.store.sealing import sealed
from crmsync.store.tables import TokenRow
from crmsync.store.upsert import upsert

_refreshing: defaultdict[tuple[str, str, str], threading.Lock] = defaultdict(threading.Lock)


class StoreTokens:
    """A `TokenStore` of one connection.

    Threads take turns at a refresh; between processes the row's version decides, and the loser
    takes the winner's token.
    """

    def __init__(self, store: Store, connection: str) -> None:
        self.store = store
        self.connection = connection

    def get(self, name: str) -> Token | None:
        """The token as it stands now, or None."""
        return self._read(name)[0]

    def refresh(self, name: str, stale: Token | None, fetch: Callable[[Token | None], Token]) -> Token:
        """Replace `stale`, durably, unless somebody else already has."""
        with _refreshing[self.store.url.render_as_string(), self.connection, name]:
            current, version = self._read(name)
            if current is not None and (stale is None or current.value != stale.value):
                return current
            fresh = fetch(current)
            return fresh if self._swap(name, version, fresh) else self._read(name)[0] or fresh

    def _read(self, name: str) -> tuple[Token | None, int]:
        query = select(TokenRow).where(TokenRow.connection == self.connection, TokenRow.name == name)
        with self.store.read() as connection:
            row = connection.execute(query).first()
        return (Token(row.value, row.expires_at, row.refresh_token), row.version) if row else (None, 0)

    def _swap(self, name: str, version: int, token: Token) -> bool:
        values = {
            "connection": self.connection,
            "name": name,
            "value": token.value,
            "expires_at": token.expires_at,
            "refresh_token": token.refresh_token,
            "version": version + 1,
        }
        values = sealed(self.store.vault, TokenRow, values)
        with self.store.write() as connection:
            if version:
                changed = connection.execute(
                    update(TokenRow)
                    .where(
                        TokenRow.connection == self.connection,
                        TokenRow.name == name,
                        TokenRow.version == version,
                    )
                    .values(**values)
                )
            else:
                changed = connection.execute(upsert(self.store, TokenRow, values).on_conflict_do_nothing())
            return changed.rowcount == 1
