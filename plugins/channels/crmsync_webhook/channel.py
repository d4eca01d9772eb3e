"""The channel that posts each message to one URL, signed as Standard Webhooks describes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from crmsync.sdk import (
    Channel,
    Context,
    Notice,
    OutgoingMessage,
    OverHttp,
    Rate,
    Receipt,
    TeamChannel,
)
from crmsync_webhook.settings import WebhookSettings, secret_bytes


class WebhookChannel(OverHttp, Channel[WebhookSettings], TeamChannel[WebhookSettings]):
    """Any 2xx answer is a delivery, whatever its body says; the receiver drops an id it has seen."""

    name = "webhook"
    title = "Signed HTTP requests"
    Settings = WebhookSettings
    medium = "webhook"
    idempotency = "key"

    def __init__(self, settings: WebhookSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.medium = settings.medium

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        return self._post(self._payload(message, now), key, now)

    def notify(self, notice: Notice, key: str) -> Receipt:
        data = {"alert": notice.alert, "state": notice.state, "title": notice.title, "text": notice.text}
        return self._post({"type": "alert", "timestamp": notice.at.isoformat(), "data": data}, key, notice.at)

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate} if self.settings.rate else {}

    def _post(self, payload: dict[str, Any], key: str, now: datetime) -> Receipt:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        secrets = (self.settings.secret, self.settings.previous_secret)
        # Care tries again under the same key by itself, when the time and the caps allow it.
        self.http.request(
            "POST",
            self.settings.url,
            data=body,
            headers=signed(key, now, body, [secret_bytes(secret) for secret in secrets if secret]),
            idempotent=False,
        )
        return Receipt(reference=key, at=now)

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


def signed(key: str, now: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The headers by which the receiver knows us: HMAC-SHA256 over `id.timestamp.body`, by each secret."""
    timestamp = str(int(now.timestamp()))
    content = f"{key}.{timestamp}.".encode() + body
    macs = [hmac.digest(secret, content, hashlib.sha256) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(mac).decode()}" for mac in macs),
    }
