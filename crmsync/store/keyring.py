"""The keys under which addresses are hashed and links are signed."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from crmsync.store.tables import HashKey

if TYPE_CHECKING:
    from crmsync.store.database import Store

_OWN = 1


@dataclass(frozen=True, slots=True)
class Key:
    """One secret. The same text gives another digest for each use."""

    secret: str

    @property
    def id(self) -> str:
        """What tells it from others without giving it away."""
        return self._mac("id")[:8]

    def digest(self, use: str, text: str) -> str:
        """HMAC-SHA256 in hexadecimal."""
        return self._mac(f"{use}\0{text}")

    def _mac(self, text: str) -> str:
        return hmac.digest(self.secret.encode(), text.encode(), hashlib.sha256).hex()

    def __repr__(self) -> str:
        return f"Key({self.id})"


class Keyring:
    """The keys that count: `configured` ones, the present first, and last the one the store made itself.

    What is new is made with the first; what any of them made is recognised. So a key can be given later,
    and changed, as long as the earlier ones stay. With `make` false the store is only read: where it has no
    key yet, nothing was made with one, and any will do to recognise nothing.
    """

    def __init__(self, store: Store, configured: Sequence[str] = (), *, make: bool = True) -> None:
        self.keys = (*(Key(secret) for secret in configured), Key(_own(store, make)))

    @property
    def current(self) -> Key:
        return self.keys[0]

    def knows(self, id: str) -> bool:
        return any(key.id == id for key in self.keys)

    def digests(self, use: str, text: str) -> list[str]:
        """The text under every key."""
        return [key.digest(use, text) for key in self.keys]

    def signs(self, use: str, text: str, digest: str, length: int = 64) -> bool:
        """Whether one of the keys made this digest, or these first characters of it."""
        return any(hmac.compare_digest(known[:length], digest) for known in self.digests(use, text))


def _own(store: Store, make: bool) -> str:
    query = select(HashKey.value).where(HashKey.id == _OWN)
    with store.read() as transaction:
        known = transaction.scalar(query)
    if known is None and not make:
        return secrets.token_hex(32)
    if known is None:
        try:
            with store.write() as transaction:
                known = secrets.token_hex(32)
                transaction.execute(insert(HashKey).values(id=_OWN, value=known))
        except IntegrityError:  # another process was first
            with store.read() as transaction:
                known = transaction.scalar(query)
    return str(known)
