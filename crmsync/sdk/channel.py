"""The contract of a channel: it delivers messages, each under its key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from crmsync.sdk.connector import Connector, Context
from crmsync.sdk.errors import CrmsyncError
from crmsync.sdk.message import Bounce, Idempotency, OutgoingMessage, Receipt
from crmsync.sdk.records import Medium, Purpose
from crmsync.sdk.settings import Settings

S = TypeVar("S", bound=Settings)


@dataclass(slots=True)
class ChannelContext(Context):
    """A channel's context: also opens the connector of a connection, for what goes out by platform."""

    connector: Callable[[str], Connector[Any]] | None = None


class Channel(ABC, Generic[S]):
    """A way to reach a customer."""

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Settings]]
    medium: ClassVar[Medium]
    idempotency: ClassVar[Idempotency] = "none"
    purposes: ClassVar[frozenset[Purpose]] = frozenset({"service", "marketing"})
    max_length: ClassVar[int | None] = None
    batch_size: ClassVar[int] = 1
    """Above 1 the host calls `send_many`, with so many messages at the most."""

    def __init__(self, settings: S, context: ChannelContext) -> None:
        self.settings = settings
        self.context = context
        self.clock = context.clock
        self.log = context.log

    def idempotency_for(self, connection: str) -> Idempotency:
        """How a repeated key behaves for customers of this connection."""
        return self.idempotency

    def reaches(self, message: OutgoingMessage) -> str | None:
        """Why this message cannot be delivered here (no address, too long), or None when it can."""
        if self.max_length is not None and len(message.body) > self.max_length:
            return f"the text has {len(message.body)} characters, {self.name} takes {self.max_length}"
        return None

    @abstractmethod
    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        """Deliver it. Raises TransientError or RateLimited (nothing was delivered, try again),
        PermanentError (it never will be), AuthError, or Unconfirmed (it may have been)."""

    def send_many(self, messages: Sequence[tuple[OutgoingMessage, str]]) -> Iterable[Receipt | CrmsyncError]:
        """Deliver several, each under its key. Gives, in their order and as soon as it is known, what
        became of each: its receipt, or the error that `send` would have raised. An error that is raised
        instead holds for every message that has no answer yet."""
        for message, key in messages:
            try:
                yield self.send(message, key)
            except CrmsyncError as error:
                yield error

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """The receipt of an earlier `send` under this key, or None when it was never delivered."""
        raise NotImplementedError

    def bounces(self) -> Iterator[Bounce]:
        """Addresses that turned out to be no good since the last time. Each has been dealt with when the
        next is asked for: what marks it as read comes after its `yield`."""
        return iter(())

    def close(self) -> None:
        """Release what `send` holds open."""
