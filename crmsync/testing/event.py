"""Events as platforms send them, signed: for fakes, and for whoever tries a webhook by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from random import Random
from typing import Any
from uuid import uuid4

from crmsync.sdk import WebhookRequest


def standard_event(type: str, secret: str, at: datetime, **data: Any) -> WebhookRequest:
    """An event of this type, signed at this time as Standard Webhooks 1.0 says; `secret` is taken as text."""
    id, timestamp = f"msg_{uuid4().hex}", str(int(at.timestamp()))
    body = json.dumps({"type": type, "timestamp": at.isoformat(), "data": data}).encode()
    mac = hmac.new(secret.encode(), b".".join((id.encode(), timestamp.encode(), body)), hashlib.sha256)
    return WebhookRequest(
        {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
        },
        body,
    )


def altered_event(event: WebhookRequest, dice: Random) -> WebhookRequest:
    """A true event with one thing about it changed, so that its platform did not sign it."""
    body, headers = event.body, dict(event.headers)
    place = dice.randrange(len(body))
    match dice.randrange(7):
        case 0:
            body = body[:place] + bytes([body[place] ^ 1 << dice.randrange(8)]) + body[place + 1 :]
        case 1:
            body = body[:place] + dice.randbytes(dice.randint(1, 9)) + body[place:]
        case 2:
            body = body[:place]
        case 3:
            del headers[dice.choice(("webhook-id", "webhook-timestamp", "webhook-signature"))]
        case 4:
            name = dice.choice(("webhook-id", "webhook-signature"))
            at = dice.randrange(len(headers[name]))
            headers[name] = headers[name][:at] + chr(ord(headers[name][at]) ^ 1) + headers[name][at + 1 :]
        case 5:
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + dice.randint(1, 10**9))
        case _:
            headers["webhook-signature"] = f"v1,{base64.b64encode(dice.randbytes(32)).decode()}"
    return WebhookRequest(headers, body)
