"""The whole history of the shop, past and future, as changes to its records in order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from crmsync.testing.aftermath import refund, reviews
from crmsync.testing.almanac import DAY, iso
from crmsync.testing.catalogue import Product, catalogue
from crmsync.testing.change import Change
from crmsync.testing.dice import Dice
from crmsync.testing.orders import Purchase, abandoned, purchase
from crmsync.testing.population import Buyer, Process, population
from crmsync.testing.talks import Desk


@dataclass(slots=True)
class History:
    """Everything that ever happens in a shop, and the truth it comes from."""

    buyers: list[Buyer]
    products: list[Product]
    purchases: list[Purchase] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    slow_agent: str = ""


# Tests start many shops of one size, and a history never changes once it is written.
@lru_cache(maxsize=4)
def write(seed: int, customers: int, start: int, now: int, end: int, process: Process) -> History:
    """The history of the shop with this seed. Nothing in it depends on what is asked of the shop later."""
    history = History(population(seed, customers, start, now, end, process), catalogue(seed))
    changes = history.changes
    opened = start - 30 * DAY
    changes += (Change(opened, "products", p.id, _product(p, opened)) for p in history.products)
    for buyer in history.buyers:
        changes += _customer(buyer)

    dice = Dice(seed, "orders")
    after = Dice(seed, "aftermath")
    desk = Desk(seed, history.products)
    bought = sorted((at, n) for n, buyer in enumerate(history.buyers) for at in buyer.purchases)
    for number, (at, n) in enumerate(bought, 1):
        buyer = history.buyers[n]
        if dice.chance(0.025):
            changes += abandoned(dice, f"T{number:07d}0", buyer, at, history.products)
        agent = desk.before(changes, number, buyer, at)
        bag = purchase(dice, f"T{number:07d}1", buyer, at, history.products, agent)
        history.purchases.append(bag)
        changes += reviews(after, bag)
        changes += refund(after, bag)
        changes += bag.changes()
        desk.after(changes, bag)
    history.slow_agent = desk.slow.id
    # Stable: the changes of one record in one second stay in the order in which they were written.
    changes.sort(key=lambda change: change.at)
    return history


def _product(product: Product, opened: int) -> dict[str, Any]:
    return {
        "id": product.id,
        "title": product.title,
        "category": product.category,
        "currency": "CNY",
        "price": f"{product.price / 100:.2f}",
        "created_at": iso(opened),
    }


def _customer(buyer: Buyer) -> Iterator[Change]:
    digits = buyer.id[1:]
    permissions = {
        "promo": "Y" if buyer.promo else "N",
        "service": "Y" if buyer.service else "N",
        "asked_at": iso(buyer.registered_at),
    }
    yield Change(
        buyer.registered_at,
        "customers",
        buyer.id,
        {
            "id": buyer.id,
            "nick": buyer.name if buyer.reachable else None,
            "email": f"buyer{digits}@example.com" if buyer.reachable else None,
            "email_verified": buyer.reachable and buyer.verified,
            # No Chinese mobile number begins with 120: nobody can be called by mistake.
            "mobile": f"+8612000{digits}" if buyer.reachable else None,
            "lang": {"zh": "zh-CN", "en": "en"}[buyer.language],
            "country": "CN",
            "province": buyer.region,
            "city": buyer.city,
            "birthday": buyer.birthday,
            "registered_at": iso(buyer.registered_at),
            "permissions": permissions if buyer.reachable else None,
        },
    )
    if buyer.withdrew_at is not None:
        withdrawn = {**permissions, "promo": "N", "asked_at": iso(buyer.withdrew_at)}
        yield Change(buyer.withdrew_at, "customers", buyer.id, {"permissions": withdrawn})
