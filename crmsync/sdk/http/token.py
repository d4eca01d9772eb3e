"""Access tokens: kept by the host, so that a rotated one survives and two refreshes never race."""

from __future__ import annotations

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
