"""What care hands to a channel, and what the channel hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from crmsync.sdk.records import Purpose

Idempotency = Literal["key", "lookup", "none"]
"""How a repeated push behaves. `key`: the platform drops a repeated key. `lookup`: it can be asked
what became of a key. `none`: neither, so a doubtful one is left to a person."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a message is for: the account on the platform, and contacts where they are known."""

    connection: str
    account_id: str
    name: str | None = field(default=None, repr=False)
    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    language: str | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one customer. The body is final text; nothing renders it again.

    `unsubscribe_url` is where its reader unsubscribes without a login: a GET shows a page, a POST is done
    at once (RFC 8058). It is None where no public address is configured. `ordered_at` and `delivered_at`
    are of the order it is about; `review_id` is the review it answers.
    """

    id: int
    campaign: str
    purpose: Purpose
    recipient: Recipient
    subject: str = field(repr=False)
    body: str = field(repr=False)
    language: str
    order_id: str | None = None
    ordered_at: datetime | None = None
    delivered_at: datetime | None = None
    review_id: str | None = None
    unsubscribe_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Bounce:
    """An address that is no good: the message with this key could not be delivered there, for ever."""

    key: str
    address: str = field(repr=False)
    why: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of delivery to the channel: its own reference, and whether it had seen the key before."""

    reference: str
    at: datetime | None = None
    repeated: bool = False
