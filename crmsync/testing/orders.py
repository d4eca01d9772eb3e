"""An order's way: what is in it, and when it is paid, sent, signed for, finished or closed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crmsync.testing.almanac import DAY, HOUR, MINUTE, iso, midnight, next_batch
from crmsync.testing.catalogue import Product
from crmsync.testing.change import Change
from crmsync.testing.dice import Dice
from crmsync.testing.population import Buyer

LATE_SHARE = 0.08
PROMISED_DAYS = 5
_FREE_SHIPPING = 9900
_SHIPPING = 800


@dataclass(frozen=True, slots=True)
class Line:
    """One product of an order. Amounts are in fen; `paid` is after the line's share of the discount."""

    id: str
    product: Product
    quantity: int
    paid: int


@dataclass(slots=True)
class Purchase:
    """An order that was paid, with all that is going to happen to it. Times are seconds since the epoch."""

    id: str
    buyer: Buyer
    lines: list[Line]
    shipping: int
    discount: int
    agent: str | None
    placed_at: int
    paid_at: int
    sent_at: int
    promised_at: int
    signed_at: int
    finished_at: int
    refunded_at: int | None = None

    @property
    def late(self) -> bool:
        return self.signed_at > self.promised_at

    @property
    def payable(self) -> int:
        return sum(line.paid for line in self.lines) + self.shipping

    def changes(self) -> Iterator[Change]:
        yield Change(self.placed_at, "orders", self.id, self._placed())
        yield self._step("PAID", "paid_at", self.paid_at)
        yield self._step("SENT", "sent_at", self.sent_at)
        yield self._step("SIGNED", "signed_at", self.signed_at)
        if self.refunded_at is None or self.refunded_at > self.finished_at:
            yield self._step("FINISHED", "finished_at", self.finished_at)
        if self.refunded_at is not None:
            yield Change(self.refunded_at, "orders", self.id, {"status": "REFUNDED"})

    def _step(self, status: str, field: str, at: int) -> Change:
        return Change(at, "orders", self.id, {"status": status, field: iso(at)})

    def _placed(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "buyer_id": self.buyer.id,
            "status": "WAIT_PAY",
            "currency": "CNY",
            "payable": yuan(self.payable),
            "shipping": yuan(self.shipping),
            "discount": yuan(self.discount),
            "created_at": iso(self.placed_at),
            "paid_at": None,
            "sent_at": None,
            "promised_at": iso(self.promised_at),
            "signed_at": None,
            "finished_at": None,
            "closed_at": None,
            "agent_id": self.agent,
            "lines": [
                {
                    "id": line.id,
                    "product_id": line.product.id,
                    "title": line.product.title,
                    "qty": line.quantity,
                    "unit_price": yuan(line.product.price),
                    "paid": yuan(line.paid),
                }
                for line in self.lines
            ],
        }


def yuan(fen: int) -> str:
    """The amount as the API writes it: `"12.50"`."""
    return f"{fen // 100}.{fen % 100:02d}"


def purchase(
    dice: Dice, id: str, buyer: Buyer, at: int, products: list[Product], agent: str | None
) -> Purchase:
    """What this buyer orders at this time, and what becomes of it."""
    basket = _basket(dice, buyer, products)
    goods = sum(product.price * quantity for product, quantity in basket)
    discount = round(goods * dice.between(0.05, 0.15)) if dice.chance(0.15) else 0
    paid = at + dice.seconds(20, 30 * MINUTE)
    sent = next_batch(paid + dice.seconds(HOUR, 30 * HOUR), 10, 16)
    promised = midnight(at) + (PROMISED_DAYS + 1) * DAY - 1
    if dice.chance(LATE_SHARE):
        signed = promised + dice.seconds(DAY // 2, 6 * DAY)
    else:
        signed = dice.seconds(sent + 18 * HOUR, promised)
    return Purchase(
        id=id,
        buyer=buyer,
        lines=_lines(id, basket, goods, discount),
        shipping=0 if goods >= _FREE_SHIPPING else _SHIPPING,
        discount=discount,
        agent=agent,
        placed_at=at,
        paid_at=paid,
        sent_at=sent,
        promised_at=promised,
        signed_at=signed,
        # A nightly job finishes what was signed for a week ago, all at the same second.
        finished_at=next_batch(signed + 7 * DAY, 3),
    )


def abandoned(dice: Dice, id: str, buyer: Buyer, at: int, products: list[Product]) -> Iterator[Change]:
    """An order the same buyer makes shortly before, never pays, and the shop closes a day later."""
    bag = purchase(dice, id, buyer, at - 45, products, None)
    placed, *_ = bag.changes()
    closed = bag.placed_at + DAY
    yield placed
    yield Change(closed, "orders", id, {"status": "CLOSED", "closed_at": iso(closed)})


def _basket(dice: Dice, buyer: Buyer, products: list[Product]) -> list[tuple[Product, int]]:
    """Up to three products whose sum is about what a basket is worth to this buyer today."""
    # The mean of the sum of six exponentials is near the gamma-gamma model's gamma of shape p.
    worth = buyer.taste * sum(dice.exponential(1) for _ in range(6)) / 6
    basket: list[tuple[Product, int]] = []
    left = worth
    for _ in range(3):
        taken = {product.id for product, _ in basket}
        choices = [p for p in products if p.id not in taken]
        near = max(left, 3000.0)
        weights = [p.weight * min(p.price / near, near / p.price) for p in choices]
        product = dice.weighted(choices, weights)
        quantity = 2 if dice.chance(0.12) and product.price * 2 < left else 1
        basket.append((product, quantity))
        left -= product.price * quantity
        if left < 5000:
            break
    return basket


def _lines(order_id: str, basket: list[tuple[Product, int]], goods: int, discount: int) -> list[Line]:
    lines, given = [], 0
    for n, (product, quantity) in enumerate(basket, 1):
        price = product.price * quantity
        share = discount - given if n == len(basket) else discount * price // goods
        given += share
        lines.append(Line(f"{order_id}-{n}", product, quantity, price - share))
    return lines
