"""The channel that hands each message to the connector of the customer's own connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crmsync.sdk import (
    Channel,
    ChannelContext,
    Connector,
    OutgoingMessage,
    PermanentError,
    Receipt,
    UsageError,
)
from crmsync.sdk.message import Idempotency
from crmsync_platform.settings import PlatformSettings

PUSH = "send_message"


class PlatformChannel(Channel[PlatformSettings]):
    """Delivers by `send_message` of the connector, with whatever that promises of a repeated key."""

    name = "platform"
    title = "The customer's own platform"
    Settings = PlatformSettings
    medium = "platform"

    def __init__(self, settings: PlatformSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._connectors: dict[str, Connector[Any]] = {}

    def idempotency_for(self, connection: str) -> Idempotency:
        """Raises UsageError when the connection cannot send messages."""
        promised = self._connector(connection).accepts().get(PUSH)
        if promised is None:
            raise UsageError(
                f"The connection {connection} cannot send messages.",
                fix="Use another channel for its customers, or configure its push of messages.",
            )
        return promised

    def reaches(self, message: OutgoingMessage) -> str | None:
        policy = self._connector(message.recipient.connection).message_policy
        if self.settings.max_length is not None:
            longest = min(self.settings.max_length, policy.max_length or self.settings.max_length)
            policy = replace(policy, max_length=longest)
        return policy.refusal(message, self.clock.now())

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        connector = self._connector(message.recipient.connection)
        push = getattr(connector, PUSH, None)
        if push is None:
            raise PermanentError(f"The connector {connector.name} has no {PUSH}.")
        receipt: Receipt = push(message, key)
        return receipt

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        return self._connector(message.recipient.connection).lookup_message(message, key)

    def _connector(self, connection: str) -> Connector[Any]:
        if connection not in self._connectors:
            if self.context.connector is None:
                raise UsageError("The platform channel was given no connections.")
            self._connectors[connection] = self.context.connector(connection)
        return self._connectors[connection]
