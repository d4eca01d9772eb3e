"""Where a customer can be reached, in the forms in which addresses are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from crmsync.store.keyring import Keyring

AddressKind = Literal["account", "email", "phone"]
_USE = "address"


@dataclass(frozen=True, slots=True)
class Addressed:
    """An account and the addresses by which it may be suppressed. `shop` is its connection's name."""

    connection_id: int
    account_id: str
    shop: str
    email: str | None
    phone: str | None

    @property
    def key(self) -> tuple[int, str]:
        return self.connection_id, self.account_id

    def addresses(self) -> Iterable[tuple[AddressKind, str]]:
        yield "account", f"{self.shop}:{self.account_id}"
        if self.email:
            yield "email", self.email
        if self.phone:
            yield "phone", self.phone


def normal(kind: AddressKind, value: str) -> str:
    """The form in which an address is compared: e-mail in lower case, a phone as its digits."""
    if kind == "email":
        return value.strip().lower()
    if kind == "phone":
        return "".join(c for c in value if c.isdigit())
    return value.strip()


def hashed(keyring: Keyring, kind: AddressKind, value: str) -> list[str]:
    """The address as the suppression list may hold it, the form made now first."""
    return keyring.digests(_USE, f"{kind}\0{normal(kind, value)}")
