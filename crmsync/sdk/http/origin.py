"""Where a URL points to, and which URLs may be called at all."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from crmsync.sdk.errors import PermanentError

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """The scheme, host and port that credentials belong to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a URL. Raises PermanentError when it is not http(s) or has a user in it."""
        try:
            parts = urlsplit(url)
            scheme, port = parts.scheme, parts.port
            host = (parts.hostname or "").encode("idna").decode()
        except ValueError:
            raise PermanentError("A URL cannot be read.", fix="Check the address in the settings.") from None
        if scheme not in _PORTS or not host:
            raise PermanentError(
                f"A URL with scheme {scheme or '(none)'!r} cannot be called.", fix="Use http or https."
            )
        if _has_user(parts):
            raise PermanentError(
                f"The URL for {host} carries a user or a password.",
                fix="Take them out of the URL and give them as credentials.",
            )
        return cls(scheme, host, port or _PORTS[scheme])


def _has_user(parts: SplitResult) -> bool:
    return parts.username is not None or parts.password is not None


def place(url: str) -> str:
    """Host and path of a URL, without what may hold a secret: the user and the query."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] + parts.path
