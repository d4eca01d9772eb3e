"""What contact data are sealed with: encrypted, and made findable without being readable.

From each configured secret four keys are derived (HKDF-SHA256): one encrypts (AES-256-GCM), one makes
the index by which an address is found (HMAC-SHA256), one hides digests, one signs the audit. A sealed
text names its key and is bound to its place: table, column and row. It cannot be read in another.
"""

from __future__ import annotations

import binascii
import hmac
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection as Transaction

from crmsync.sdk.errors import ConfigError, CrmsyncError
from crmsync.store.address import AddressKind, normal
from crmsync.store.tables.sealed import BETWEEN, DIALECT_KEY, MARK, PLAIN_MARK

_NONCE = 12


class _Keys:
    """The keys of one secret."""

    def __init__(self, secret: str) -> None:
        # Slow to load, and needed only where a key is configured.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        def derived(use: str) -> bytes:
            return HKDF(SHA256(), 32, salt=None, info=f"crmsync {use}".encode()).derive(secret.encode())

        self.id = derived("id")[:4].hex()
        self.mark = f"{MARK}{self.id}:"
        self.content = AESGCM(derived("content"))
        self.lookup = derived("lookup")
        self.digests = derived("digests")
        self.audit = derived("audit")


class Vault:
    """The configured keys, the present one first; without any, texts stay as they are.

    What is new is made with the first; what any of them made is read.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        known = [_Keys(secret) for secret in secrets]
        self._known = {keys.id: keys for keys in reversed(known)}
        self._present = known[0] if known else None
        self.key_id = known[0].id if known else ""
        """What tells the present key from others without giving it away; empty without a key."""

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(self._known)

    @property
    def mark(self) -> str:
        """What every text begins with that is sealed with the present key."""
        return self._present.mark if self._present else ""

    def seal(self, place: str, row: str, text: str | None) -> str | None:
        """The text as this column (`table.column`) of this row may hold it; None and an empty one stay so."""
        if not text:
            return text
        if self._present is None:
            # Nobody's name may look as if it were sealed.
            return PLAIN_MARK + text if text.startswith((MARK, PLAIN_MARK)) else text
        nonce = os.urandom(_NONCE)
        sealed = self._present.content.encrypt(nonce, text.encode(), f"{place}{BETWEEN}{row}".encode())
        return self._present.mark + binascii.b2a_base64(nonce + sealed, newline=False).decode()

    def open(self, place: str, row: str, stored: str) -> str:
        """The text of what `seal` made. Raises ConfigError when its key is not configured, CrmsyncError
        when it was changed or comes from another place."""
        if stored.startswith(PLAIN_MARK):
            return stored.removeprefix(PLAIN_MARK)
        if not stored.startswith(MARK):
            return stored
        id, _, sealed = stored.removeprefix(MARK).partition(":")
        keys = self._keys(id, f"{place} of row {row.replace(BETWEEN, '/')}")
        from cryptography.exceptions import InvalidTag

        try:
            blob = binascii.a2b_base64(sealed, strict_mode=True)
            return keys.content.decrypt(
                blob[:_NONCE], blob[_NONCE:], f"{place}{BETWEEN}{row}".encode()
            ).decode()
        except (InvalidTag, ValueError):
            raise CrmsyncError(
                f"{place} of row {row.replace(BETWEEN, '/')} cannot be decrypted, though its key {id} is "
                "configured: it was changed, or moved there from another row.",
                fix="Find out who can write the database; restore the row from a backup.",
            ) from None

    def _keys(self, id: str, what: str) -> _Keys:
        keys = self._known.get(id)
        if keys is None:
            raise missing_key([id], what)
        return keys

    def index(self, kind: AddressKind, address: str) -> int | None:
        """By what an address is found, 64 bits; None for one of which nothing is left to compare."""
        return _index(self._present.lookup if self._present else b"", kind, address)

    def indexes(self, kind: AddressKind, address: str) -> list[int]:
        """What `index` may have made of an address so far: with every key, and without one."""
        keys = [*(known.lookup for known in self._known.values()), b""]
        return [found for key in keys if (found := _index(key, kind, address)) is not None]

    def pad(self, id: str, row: str) -> int:
        """The number a row's digest is hidden with (by XOR) under this key; 0 without a key.

        A digest tells who has a guess whether it is right, and there are not many phone numbers.
        """
        if not id:
            return 0
        keys = self._keys(id, f"the digest of row {row.replace(BETWEEN, '/')}")
        return _number(keys.digests, row)

    def sign(self, seal: str) -> str:
        """What shows that the audit was once at this seal; empty without a key."""
        return f"{self._present.id}:{_signature(self._present, seal)}" if self._present else ""

    def signed(self, seal: str, signature: str) -> bool | None:
        """Whether the signature is of this seal; None when its key is not configured."""
        id, _, given = signature.partition(":")
        keys = self._known.get(id)
        return None if keys is None else hmac.compare_digest(_signature(keys, seal), given)


def _index(key: bytes, kind: AddressKind, address: str) -> int | None:
    known = normal(kind, address)
    return _number(key, f"{kind}\0{known}") if known else None


def _number(key: bytes, text: str) -> int:
    return int.from_bytes(hmac.digest(key, text.encode(), "sha256")[:8], "big", signed=True)


def _signature(keys: _Keys, seal: str) -> str:
    return hmac.digest(keys.audit, seal.encode(), "sha256").hex()


def missing_key(ids: Sequence[str], what: str) -> ConfigError:
    return ConfigError(
        f"The key {', '.join(ids)} is not configured, and {what} is encrypted with it.",
        fix="Put it back, under encryption.key or encryption.old_keys.",
    )


def vault_of(transaction: Transaction) -> Vault:
    """The vault of the store this transaction belongs to."""
    vault: Vault = getattr(transaction.dialect, DIALECT_KEY)
    return vault


def row_of(*identity: Any) -> str:
    """A row as its sealed texts are bound to it: the values of its identity."""
    return BETWEEN.join(map(str, identity))
