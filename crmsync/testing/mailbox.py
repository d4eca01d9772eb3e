"""Messages that buyers receive through the shop."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Idempotency = Literal["key", "lookup", "none"]


class KeyReused(Exception):
    """A key came back with another message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as its buyer received it. `at` is the shop's time, as its API writes it."""

    id: str
    key: str | None
    buyer_id: str
    text: str
    at: str

    def row(self) -> dict[str, Any]:
        return asdict(self)


class Mailbox:
    """Every message that arrived.

    `idempotency` is what the shop does with keys: `key` drops a repeated one, `lookup` delivers again
    but can be asked about a key, `none` does neither.
    """

    def __init__(self, idempotency: Idempotency = "key") -> None:
        self.idempotency: Idempotency = idempotency
        self.messages: list[Message] = []
        self._by_key: dict[str, Message] = {}

    def receive(self, buyer_id: str, text: str, key: str | None, at: str) -> tuple[Message, bool]:
        """The message as received, and whether it had been before. Raises KeyReused."""
        if key is not None and self.idempotency == "key" and (earlier := self._by_key.get(key)):
            if (earlier.buyer_id, earlier.text) != (buyer_id, text):
                raise KeyReused(key)
            return earlier, True
        message = Message(f"M{len(self.messages) + 1:06d}", key, buyer_id, text, at)
        self.messages.append(message)
        if key is not None:
            self._by_key.setdefault(key, message)
        return message, False

    def find(self, key: str) -> Message | None:
        """The first message under this key."""
        return self._by_key.get(key)
