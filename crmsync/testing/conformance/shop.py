"""The built-in shop as a platform to try connectors against, over real HTTP."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

from crmsync.sdk import WebhookRequest, minor
from crmsync.testing.conformance.platform import OrderTruth, Platform
from crmsync.testing.event import standard_event
from crmsync.testing.shop import Shop

EVENT_SECRET = "the secret of the shop's events"

_STATUS = {
    "WAIT_PAY": "pending",
    "PAID": "paid",
    "SENT": "shipped",
    "SIGNED": "delivered",
    "FINISHED": "completed",
    "CLOSED": "cancelled",
    "REFUNDED": "refunded",
}


class ShopPlatform(Platform):
    """A small built-in shop. A subclass names the connector and its settings for `self.shop`."""

    page_size: ClassVar[int] = 10
    unpaced: ClassVar[str] = "the built-in shop may be called as often as one likes"
    shop: Shop

    def __enter__(self) -> Self:
        self.shop = Shop(customers=24, history_days=90, future_days=10).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shop.stop()

    def now(self) -> datetime:
        return self.shop.now

    def count(self, stream: str) -> int:
        return len(self.shop.rows(stream))

    def orders(self) -> Mapping[str, OrderTruth]:
        return {
            row["id"]: OrderTruth(
                _STATUS[row["status"]],
                minor(row["payable"], row["currency"]),
                row["currency"],
                len(row["lines"]),
            )
            for row in self.shop.rows("orders")
        }

    def keep(self, stream: str, count: int) -> bool:
        rows = self.shop.rows(stream)
        self.shop.remove(stream, [row["id"] for row in rows[count:]])
        return len(rows) >= count

    def tie(self, stream: str, count: int) -> Collection[str]:
        return self.shop.put(stream, [{"id": row["id"]} for row in self.shop.rows(stream)[:count]])

    def change(self, stream: str) -> Collection[str]:
        return self.tie(stream, 1)

    def account(self) -> str:
        return str(self.shop.rows("customers")[0]["id"])

    def effects(self, push: str) -> int | None:
        received: dict[str, list[Any]] = {"send_message": self.shop.messages, "add_note": self.shop.notes}
        return len(received[push]) if push in received else None

    def event(self, stream: str) -> WebhookRequest:
        return standard_event(f"{stream}.changed", EVENT_SECRET, self.now())
