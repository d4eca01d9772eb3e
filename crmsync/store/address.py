"""The forms in which addresses are compared and hashed."""

from __future__ import annotations

from typing import Literal

from crmsync.store.keyring import Keyring

AddressKind = Literal["account", "email", "phone"]
_USE = "address"


def normal(kind: AddressKind, value: str) -> str:
    """The form in which an address is compared: e-mail in lower case, a phone as its digits."""
    if kind == "email":
        return value.strip().lower()
    if kind == "phone":
        return "".join(c for c in value if c.isdigit())
    return value.strip()


def hashed(keyring: Keyring, kind: AddressKind, value: str) -> list[str]:
    """The address as it may be kept for ever: under each key, the present one first."""
    return keyring.digests(_USE, f"{kind}\0{normal(kind, value)}")
