"""What the shop holds, and what can happen to it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

Entry = dict[str, Any]

START = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
CORE_STATUSES = (
    "pending",
    "processing",
    "on-hold",
    "completed",
    "cancelled",
    "refunded",
    "failed",
    "checkout-draft",
)


@dataclass
class Shop:
    """Entries hold times as aware UTC of whole seconds, and money as Decimal.

    `hpos`: the shop has order tables of its own, and sorts by UTC; otherwise orders are posts, which are
    sorted by the wall clock. `version`: what differs between versions goes by it. `secure`: requests reach it
    by https.
    """

    zone: str = "Asia/Shanghai"
    hpos: bool = True
    version: tuple[int, int] = (11, 0)
    secure: bool = False
    currency: str = "CNY"
    decimals: int = 2
    writable: bool = True
    statuses: tuple[str, ...] = (*CORE_STATUSES, "packed")
    now: datetime = START
    key: str = "ck_0123456789abcdef"
    secret: str = "cs_fedcba9876543210"
    orders: dict[int, Entry] = field(default_factory=dict)
    refunds: dict[int, Entry] = field(default_factory=dict)
    customers: dict[int, Entry] = field(default_factory=dict)
    products: dict[int, Entry] = field(default_factory=dict)
    reviews: dict[int, Entry] = field(default_factory=dict)
    notes: dict[int, Entry] = field(default_factory=dict)
    coupons: dict[int, Entry] = field(default_factory=dict)
    mails: list[tuple[str, str]] = field(default_factory=list)
    """What was mailed to buyers: the address, and the HTML."""
    after_list: Callable[[str], None] = lambda path: None
    """Called with its path after each list that was answered: what happens in the shop between two pages."""

    def __post_init__(self) -> None:
        self.clock = ZoneInfo(self.zone)
        self._ids = count(11)

    def next_id(self) -> int:
        return next(self._ids)

    def wall(self, time: datetime) -> datetime:
        """What the shop's clock shows at a time; naive."""
        return time.astimezone(self.clock).replace(tzinfo=None)

    def add_product(self, **fields: Any) -> int:
        id = self.next_id()
        self.products[id] = {
            "id": id,
            "name": f"商品 &amp; Co {id}",
            "price": Decimal("49.90"),
            "created": self.now,
            "modified": self.now,
            **fields,
        }
        return id

    def add_customer(self, **fields: Any) -> int:
        id = self.next_id()
        self.customers[id] = {
            "id": id,
            "email": f"c{id}@example.test",
            "first_name": "静",
            "last_name": "周",
            "role": "customer",
            "phone": f"138000{id:05}",
            "created": self.now,
            "modified": self.now,
            "meta": {},
            **fields,
        }
        return id

    def add_order(self, **fields: Any) -> int:
        """An order of two pieces; without `customer_id` it is a guest's."""
        id = self.next_id()
        created = fields.get("created", self.now)
        customer = self.customers.get(fields.get("customer_id", 0), {})
        status = fields.get("status", "processing")
        self.orders[id] = {
            "id": id,
            "customer_id": 0,
            "status": status,
            "currency": self.currency,
            "created": created,
            "modified": created,
            "paid": created if status in ("processing", "completed", "refunded", "packed") else None,
            "completed": created if status in ("completed", "refunded") else None,
            "email": customer.get("email", f"guest{id}@example.test"),
            "phone": customer.get("phone", ""),
            "first_name": customer.get("first_name", "Guest"),
            "last_name": customer.get("last_name", f"G{id}"),
            "product_id": next(iter(self.products), 0),
            "quantity": 2,
            "price": Decimal("49.90"),
            "shipping": Decimal("12"),
            "tax": Decimal("0"),
            "meta": {},
            **fields,
        }
        return id

    def total(self, order: Entry) -> Decimal:
        return Decimal(order["quantity"]) * order["price"] + order["shipping"] + order["tax"]

    def touch(self, id: int, **fields: Any) -> None:
        """Save an order, which moves its time."""
        self.orders[id] |= {"modified": self.now, **fields}

    def trash(self, id: int) -> None:
        self.touch(id, status="trash")

    def delete(self, id: int) -> None:
        """Delete an order for good; nothing remembers it."""
        del self.orders[id]

    def refund(self, order: int, amount: Decimal | None = None, **fields: Any) -> int:
        """Pay some of an order back, or all of it, which changes its status."""
        entry = self.orders[order]
        whole = amount is None
        id = self.next_id()
        self.refunds[id] = {
            "id": id,
            "order": order,
            "amount": self.total(entry) if amount is None else amount,
            "reason": "质量问题 – 漏液",
            "created": self.now,
            **fields,
        }
        self.touch(order, **({"status": "refunded"} if whole else {}))
        return id

    def add_review(self, product_id: int, **fields: Any) -> int:
        id = self.next_id()
        self.reviews[id] = {
            "id": id,
            "product_id": product_id,
            "status": "approved",
            "reviewer": "李敏",
            "email": "",
            "text": "收到就是坏的 &amp; 要求退款！",
            "rating": 1,
            "verified": False,
            "created": self.now,
            **fields,
        }
        return id


def stocked(shop: Shop, *, orders: int = 24, seed: int = 7) -> Shop:
    """Fill a shop with a past of half a year: buyers, guests who came twice, refunds, reviews."""
    dice = random.Random(seed)
    begin = shop.now - timedelta(days=180)

    def moment() -> datetime:
        return begin + timedelta(seconds=dice.randrange(179 * 86400))

    products = [shop.add_product(created=moment(), modified=moment()) for _ in range(16)]
    customers = [shop.add_customer(created=begin, modified=moment()) for _ in range(16)]
    statuses = ("processing", "completed", "completed", "on-hold", "pending", "cancelled", "failed", "packed")
    for number, created in enumerate(sorted(moment() for _ in range(orders))):
        buyer = (
            {"email": f"Guest{number % 6}@Example.test"}
            if number % 3 == 0
            else {"customer_id": dice.choice(customers)}
        )
        id = shop.add_order(
            created=created,
            modified=created + timedelta(hours=dice.randrange(20)),
            status=statuses[number % len(statuses)],
            product_id=dice.choice(products),
            quantity=dice.randrange(1, 4),
            price=Decimal(dice.randrange(100, 99999)) / 100,
            **buyer,
        )
        order = shop.orders[id]
        if number % 2:
            was, modified = order["status"], order["modified"]
            whole = number % 4 == 1
            shop.refund(id, None if whole else Decimal("5.00"), created=modified)
            order |= {"modified": modified, "status": "refunded" if whole else was}
        if number % 2 == 0:
            shop.add_review(
                order["product_id"],
                created=min(created + timedelta(days=3), shop.now),
                email=order["email"],
                verified=number % 4 == 0,
                rating=number % 6,
                status="hold" if number % 10 == 0 else "approved",
            )
    shop.trash(list(shop.orders)[1])
    shop.orders[list(shop.orders)[1]]["modified"] = shop.now - timedelta(days=2)
    return shop
