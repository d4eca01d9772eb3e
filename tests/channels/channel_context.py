"""What a channel needs of its host, and a message for it."""

from __future__ import annotations

import logging
from typing import Any

from crmsync.sdk import ChannelContext, OutgoingMessage, Recipient
from crmsync.testing.clock import FakeClock


def context(**given: Any) -> ChannelContext:
    parts: dict[str, Any] = {
        "connection": "channel",
        "clock": FakeClock(),
        "log": logging.getLogger("test"),
        "http": None,
        "tokens": None,
    }
    return ChannelContext(**parts | given)


def message(**changes: Any) -> OutgoingMessage:
    recipient: dict[str, Any] = {
        "connection": "shop",
        "account_id": "c1",
        "name": "Lin 林",
        "email": "lin@example.com",
        "phone": "+86 138",
    }
    given: dict[str, Any] = {
        "id": 1,
        "campaign": "win-back",
        "purpose": "marketing",
        "subject": "好久不见 hello",
        "body": "First line.\n.dot\n\n再见",
        "language": "zh",
        "order_id": "o1",
    }
    for name in recipient.keys() & changes.keys():
        recipient[name] = changes.pop(name)
    return OutgoingMessage(recipient=Recipient(**recipient), **given | changes)
