"""Events by which the shop tells of changes."""

from __future__ import annotations

from pydantic import SecretStr

from crmsync.sdk import Webhook, WebhookRequest

_STREAMS = {"order": "orders", "customer": "customers", "product": "products"}


def events(secret: SecretStr) -> Webhook:
    """How WooCommerce signs: HMAC-SHA256 over the body, without a time."""
    return Webhook(
        secrets=[secret], header="X-WC-Webhook-Signature", streams=_changed_streams, is_ping=_is_ping
    )


def _changed_streams(request: WebhookRequest) -> list[str]:
    """The stream of a topic such as `order.updated`; coupons and actions are none of ours."""
    resource, _, _ = request.headers.get("x-wc-webhook-topic", "").partition(".")
    return [_STREAMS[resource]] if resource in _STREAMS else []


def _is_ping(request: WebhookRequest) -> bool:
    """What comes when a webhook is saved: a form with its number, and no signature."""
    return request.body.startswith(b"webhook_id=") and b"&" not in request.body
