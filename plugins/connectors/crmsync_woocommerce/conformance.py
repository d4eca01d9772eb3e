"""A WooCommerce shop over real HTTP, to try this connector against."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from crmsync.sdk import Receipt, WebhookRequest, minor
from crmsync.testing.conformance import EVENT_SECRET, Answer, OrderTruth, Platform, Request
from crmsync.testing.server import Server
from crmsync_woocommerce.connector import WooConnector
from crmsync_woocommerce.fake import Rest, Shop
from crmsync_woocommerce.fake.shop import stocked

_MEANS = {
    "pending": "pending",
    "on-hold": "pending",
    "processing": "paid",
    "packed": "paid",
    "completed": "completed",
    "cancelled": "cancelled",
    "failed": "cancelled",
    "trash": "cancelled",
    "refunded": "refunded",
}


class WooServer:
    """A shop that is served on a port of this machine."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.rest = Rest(shop)
        self._server = Server(self._answer)

    @property
    def url(self) -> str:
        return self._server.url

    def _answer(self, request: Request) -> Answer:
        reply = self.rest(
            request.method, f"{self.url}{request.path}", request.query, request.headers, request.body
        )
        return Answer(reply.status, reply.body, reply.headers)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


class WooPlatform(Platform):
    connector = WooConnector
    page_size = 5

    def __enter__(self) -> Self:
        self.shop = stocked(Shop())
        self.server = WooServer(self.shop)
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    def settings(self) -> dict[str, Any]:
        return {
            "base_url": self.server.url,
            "consumer_key": self.shop.key,
            "consumer_secret": self.shop.secret,
            "webhook_secret": EVENT_SECRET,
            "page_size": self.page_size,
            "statuses": {"packed": "paid"},
            "consents": [{"meta": "_newsletter"}],
            "coupons": {"sorry": {"kind": "percent", "amount": 10}},
        }

    def now(self) -> datetime:
        return self.shop.now

    def count(self, stream: str) -> int:
        if stream == "customers":
            return len(self.shop.customers) + len(self._guests())
        return len(self._entries(stream))

    def _guests(self) -> set[str]:
        return {
            order["email"].lower()
            for order in self.shop.orders.values()
            if not order["customer_id"] and order["status"] != "trash"
        }

    def _entries(self, stream: str) -> dict[int, Any]:
        entries: dict[int, Any] = getattr(self.shop, stream)
        return entries

    def orders(self) -> Mapping[str, OrderTruth]:
        return {
            str(id): OrderTruth(
                _MEANS[order["status"]],
                minor(self.shop.total(order), order["currency"]),
                order["currency"],
                lines=1,
            )
            for id, order in self.shop.orders.items()
        }

    def keep(self, stream: str, count: int) -> bool:
        if stream == "customers":
            for id in [id for id, order in self.shop.orders.items() if not order["customer_id"]]:
                del self.shop.orders[id]
        entries = self._entries(stream)
        for id in list(entries)[count:]:
            del entries[id]
        return len(entries) == count

    def tie(self, stream: str, count: int) -> Collection[str]:
        """Refunds and reviews cannot be changed so that the shop would tell: they are made anew."""
        if stream == "refunds":
            orders = [id for id, order in self.shop.orders.items() if order["status"] == "completed"]
            return [str(self.shop.refund(orders[n % len(orders)], Decimal(1))) for n in range(count)]
        if stream == "reviews":
            product = next(iter(self.shop.products))
            return [str(self.shop.add_review(product, text=f"不错 {n}")) for n in range(count)]
        chosen = [entry for entry in self._entries(stream).values() if entry.get("status") != "trash"][:count]
        for entry in chosen:
            entry["modified"] = self.shop.now
        return [str(entry["id"]) for entry in chosen]

    def change(self, stream: str) -> Collection[str]:
        return self.tie(stream, 1)

    def account(self) -> str:
        return str(next(order["customer_id"] for order in self.shop.orders.values() if order["customer_id"]))

    def event(self, stream: str) -> WebhookRequest | None:
        resource = {"orders": "order", "customers": "customer", "products": "product"}.get(stream)
        if resource is None:
            return None
        body = b'{"id": 11}'
        signature = b64encode(hmac.digest(EVENT_SECRET.encode(), body, "sha256")).decode()
        return WebhookRequest(
            {"x-wc-webhook-topic": f"{resource}.updated", "x-wc-webhook-signature": signature}, body
        )

    def effects(self, push: str) -> int | None:
        notes = self.shop.notes.values()
        return {
            "send_message": len(self.shop.mails),
            "add_note": sum("conformance" in note["note"] and not note["customer_note"] for note in notes),
            "issue_coupon": len(self.shop.coupons),
        }.get(push)

    def push(self, connector: Any, name: str, key: str) -> Receipt:
        if name == "issue_coupon":
            receipt: Receipt = connector.issue_coupon(self.account(), "sorry", key)
            return receipt
        return super().push(connector, name, key)
