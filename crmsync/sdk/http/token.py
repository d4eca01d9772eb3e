"""Access tokens: kept by the host, so that a rotated one survives and two refreshes never race."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Token:
    """An access token with, where the platform gives them, its refresh token and its end."""

    value: str = field(repr=False)
    expires_at: datetime | None = None
    refresh_token: str | None = field(default=None, repr=False)


class TokenStore(Protocol):
    """The tokens of one connection, by name."""

    def get(self, name: str) -> Token | None:
        """The token as it stands now, or None."""
        ...

    def refresh(self, name: str, stale: Token | None, fetch: Callable[[Token | None], Token]) -> Token:
        """Replace `stale` by what `fetch` obtains, and keep it durably before returning it.

        When another thread or process has replaced it meanwhile, its token is returned and `fetch`
        is not called.
        """
        ...


class MemoryTokenStore:
    """Tokens that last as long as the process: for tests and trials."""

    def __init__(self, **tokens: Token) -> None:
        self._tokens = dict(tokens)
        # Held while fetching: whoever else wants a new token waits for this one instead.
        self._lock = threading.Lock()

    def get(self, name: str) -> Token | None:
        return self._tokens.get(name)

    def refresh(self, name: str, stale: Token | None, fetch: Callable[[Token | None], Token]) -> Token:
        with self._lock:
            current = self._tokens.get(name)
            if current is None or current == stale:
                current = self._tokens[name] = fetch(current)
            return current
