"""What a channel needs of its host, and a message for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from crmsync.sdk import (
    ChannelContext,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    Notice,
    OutgoingMessage,
    Patience,
    Recipient,
)
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


def http_context(**given: Any) -> ChannelContext:
    """A context with a real session; nothing is tried twice."""
    clock = given.pop("clock", None) or FakeClock()

    def http(**options: Any) -> HttpSession:
        return HttpSession(
            connection="channel", clock=clock, pacer=MemoryPacer(), patience=Patience(tries=1), **options
        )

    return context(**{"clock": clock, "http": http, "tokens": MemoryTokenStore()} | given)


def notice(**changes: Any) -> Notice:
    given: dict[str, Any] = {
        "title": "Connection shop fails <连接失败>",
        "text": "GET shop.example/orders: 503 & more",
        "at": datetime(2026, 6, 1, 4, tzinfo=UTC),
        "alert": "connection_failed",
        "state": "raised",
    }
    return Notice(**given | changes)
