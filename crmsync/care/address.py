"""Where a customer can be reached."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crmsync.store.address import AddressKind


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
