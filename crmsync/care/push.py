"""What a customer's own platform does for a campaign beside messages: coupons, tags and notes.

Each is a channel of its own, so that what it does goes through the outbox like a message: claimed, sent
once, retried, settled.
"""

from __future__ import annotations

from typing import Any

from crmsync.sdk import (
    Channel,
    ChannelContext,
    OutgoingMessage,
    PermanentError,
    Receipt,
    Settings,
    UsageError,
)
from crmsync.sdk.message import Idempotency

ACTIONS = ("issue_coupon", "tag_customer", "add_note", "reply_review")


def channel_of(action: str) -> str:
    """The id of the channel of an action: one that no configuration can give."""
    return f"push:{action}"


class PushChannel(Channel[Settings]):
    """Hands the body of each message to one push of the customer's own connector."""

    name = "push"
    title = "What the customer's own platform does"
    Settings = Settings
    medium = "platform"

    def __init__(self, action: str, context: ChannelContext) -> None:
        super().__init__(Settings(), context)
        self.action = action

    def idempotency_for(self, connection: str) -> Idempotency:
        """Raises UsageError when the connection cannot do this."""
        promised: Idempotency | None = self._connector(connection).accepts().get(self.action)
        if promised is None:
            raise UsageError(f"The connection {connection} has no {self.action}.", fix="Leave the step out.")
        return promised

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        connector = self._connector(message.recipient.connection)
        push = getattr(connector, self.action, None)
        if push is None:
            raise PermanentError(f"The connector {connector.name} has no {self.action}.")
        about = message.review_id if self.action == "reply_review" else message.recipient.account_id
        receipt: Receipt = push(about, message.body, key)
        return receipt

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        receipt: Receipt | None = self._connector(message.recipient.connection).lookup_message(message, key)
        return receipt

    def _connector(self, connection: str) -> Any:
        assert self.context.connector is not None
        return self.context.connector(connection)


def push_channels(context: ChannelContext) -> dict[str, PushChannel]:
    """The channel of each action, by its id."""
    return {channel_of(action): PushChannel(action, context) for action in ACTIONS}
