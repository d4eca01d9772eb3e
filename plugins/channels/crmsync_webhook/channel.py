"""The channel that posts each message to one URL, signed as Standard Webhooks describes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import requests

from crmsync.sdk import Channel, ChannelContext, HttpSession, OutgoingMessage, Rate, Receipt
from crmsync_webhook.settings import WebhookSettings, secret_bytes


class WebhookChannel(Channel[WebhookSettings]):
    """Any 2xx answer is a delivery; the receiver drops an id it has seen."""

    name = "webhook"
    title = "Signed HTTP requests"
    Settings = WebhookSettings
    medium = "webhook"
    idempotency = "key"

    def __init__(self, settings: WebhookSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self.medium = settings.medium

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        body = json.dumps(self._payload(message, now), ensure_ascii=False, separators=(",", ":")).encode()
        # Care tries again under the same key by itself, when the time and the caps allow it.
        self._http.request(
            "POST",
            self.settings.url,
            data=body,
            headers=signed(key, now, body, secret_bytes(self.settings.secret)),
            idempotent=False,
        )
        return Receipt(reference=key, at=now)

    def close(self) -> None:
        if "_http" in self.__dict__:
            self._http.close()

    @cached_property
    def _http(self) -> HttpSession:
        return self.context.http(auth=None, inspect=_nothing_to_inspect, rate_limits=self._rates())

    def _rates(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate} if self.settings.rate else {}

    def _payload(self, message: OutgoingMessage, now: datetime) -> dict[str, Any]:
        recipient = message.recipient
        to: dict[str, Any] = {"connection": recipient.connection, "account_id": recipient.account_id}
        if self.settings.contact:
            to |= {"name": recipient.name, "email": recipient.email, "phone": recipient.phone}
        return {
            "type": "message",
            "timestamp": now.isoformat(),
            "data": {
                "campaign": message.campaign,
                "purpose": message.purpose,
                "recipient": to,
                "language": message.language,
                "subject": message.subject,
                "body": message.body,
                "order_id": message.order_id,
            },
        }


def signed(key: str, now: datetime, body: bytes, secret: bytes) -> dict[str, str]:
    """The headers by which the receiver knows us: HMAC-SHA256 over `id.timestamp.body`."""
    timestamp = str(int(now.timestamp()))
    mac = hmac.new(secret, f"{key}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _nothing_to_inspect(response: requests.Response) -> None:
    """A 2xx is a delivery, whatever its body says."""
