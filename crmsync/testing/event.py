"""Events as platforms send them, signed: for fakes, and for whoever tries a webhook by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
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
