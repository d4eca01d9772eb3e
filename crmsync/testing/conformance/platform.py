"""What a connector is tried against: a fake, a recording, or a shop that really runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from crmsync.sdk import Connector, OutgoingMessage, Receipt, Recipient, WebhookRequest
from crmsync.testing.conformance.check import NotApplicable
from crmsync.testing.server import Answer, Request


@dataclass(frozen=True, slots=True)
class OrderTruth:
    """What the platform holds of an order, in crmsync's words: `total` in minor units, how many `lines`."""

    status: str
    total: int
    currency: str
    lines: int | None = None


class Platform:
    """A platform with some records in it, and what can be done to it.

    Only `connector` and `settings` must be given. Every other method lets the kit check more: what
    returns None, False or nothing leaves its checks out, with the reason. Faults of HTTP need nothing
    from a platform: the kit puts them on the wire itself.
    """

    connector: ClassVar[type[Connector[Any]]]
    page_size: ClassVar[int] = 5
    """Records per page under `settings`. Have three pages of a stream at least, or little can be seen."""
    unpaced: ClassVar[str] = ""
    """Why the platform has no limit to how often it may be called, if it has none."""

    def settings(self) -> Mapping[str, Any]:
        """The settings of a connection to this platform."""
        raise NotImplementedError

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request, for a platform that lives in memory; None lets it go over the network."""
        return None

    def now(self) -> datetime | None:
        """The platform's time."""
        return None

    def count(self, stream: str) -> int | None:
        """How many records of a stream the connection should give."""
        return None

    def orders(self) -> Mapping[str, OrderTruth]:
        """Orders by their id, cancelled and refunded ones among them."""
        return {}

    def keep(self, stream: str, count: int) -> bool:
        """Leave only so many records of the stream; whether that was done."""
        return False

    def tie(self, stream: str, count: int) -> Collection[str]:
        """Let so many records change in one moment, now; their ids."""
        return ()

    def change(self, stream: str) -> Collection[str]:
        """Let something of the stream change, now; the ids of what changed."""
        return ()

    def account(self) -> str | None:
        """A customer's id to push to."""
        return None

    def message(self) -> OutgoingMessage:
        """A message to the account. Override it where a message needs more than that, such as an order."""
        account = self.account()
        if account is None:
            raise NotApplicable("the platform names no account to push to")
        recipient = Recipient("conformance", account)
        return OutgoingMessage(
            1, "conformance", "service", recipient, "Hello", "Hello from the conformance kit.", "en"
        )

    def push(self, connector: Any, name: str, key: str) -> Receipt:
        """Push once by this method. Override it for a method that takes something else."""
        message = self.message()
        match name:
            case "send_message":
                receipt = connector.send_message(message, key)
            case "add_note" | "tag_customer":
                receipt = getattr(connector, name)(message.recipient.account_id, "conformance", key)
            case _:
                raise NotApplicable(f"the platform does not say how to push {name}: override push")
        if not isinstance(receipt, Receipt):
            raise AssertionError(f"{name} returned {type(receipt).__name__}, not a Receipt")
        return receipt

    def effects(self, push: str) -> int | None:
        """How many pushes by this method the platform has carried out so far."""
        return None

    def event(self, stream: str) -> WebhookRequest | None:
        """An event by which the platform tells that something of the stream has changed, signed now."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return
