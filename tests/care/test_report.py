"""What campaigns brought, from the rows of the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from care_shop import NOW, Shop
from sqlalchemy import insert, select

from crmsync.care import report
from crmsync.care.report import CareReport
from crmsync.store import Store
from crmsync.store.tables import Assignment, Order, Refund, Review


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


def drawn(
    shop: Shop, arm: str, *, days_ago: float = 40, campaign: str = "win-back", chance: float = 0.5
) -> int:
    customer = shop.customer(consent=None, flag=None)
    shop.facts(customer, currency="CNY")
    assign(shop, customer, arm, days_ago=days_ago, campaign=campaign, chance=chance)
    return customer


def assign(shop: Shop, customer: int, arm: str, *, days_ago: float, campaign: str, chance: float) -> None:
    at = NOW - timedelta(days=days_ago)
    with shop.store.write() as transaction:
        transaction.execute(
            insert(Assignment).values(
                campaign=campaign, customer_id=customer, arm=arm, chance=chance, assigned_at=at
            )
        )


def buys(shop: Shop, customer: int, total: int = 1000, *, days_ago: float = 20, **order: Any) -> None:
    shop.order(shop.account(customer), "Tea", days_ago=days_ago, total=total, **order)


def reported(shop: Shop, **options: Any) -> CareReport:
    return report(shop.store, now=NOW, **options)


def test_arms_are_compared_over_the_time_after_each_was_drawn(shop: Shop) -> None:
    for total in (1000, 3000):
        buys(shop, drawn(shop, "treated"), total)
    for _ in range(2):
        drawn(shop, "treated")
    buys(shop, drawn(shop, "control"), 2000)
    for _ in range(3):
        drawn(shop, "control")
    before, after = drawn(shop, "control"), drawn(shop, "control")
    buys(shop, before, days_ago=41)
    buys(shop, after, days_ago=9)
    drawn(shop, "treated", days_ago=29)
    drawn(shop, "holdout")

    [found] = reported(shop).campaigns
    assert (found.treated, found.control, found.waiting) == (4, 6, 1)
    returned = found.shares["returned"]
    assert (returned.treated, returned.control) == (0.5, pytest.approx(1 / 6))
    assert returned.effect is not None
    assert returned.effect.difference == pytest.approx(0.5 - 1 / 6)
    assert found.revenue["CNY"].treated == 1000
    assert found.revenue["CNY"].control == pytest.approx(2000 / 6)
    assert reported(shop, within=timedelta(days=20)).campaigns[0].treated == 5


def test_only_valid_orders_in_the_customers_currency_less_refunds_count(shop: Shop) -> None:
    customer = drawn(shop, "treated")
    buys(shop, customer, 1000)
    buys(shop, customer, 500, currency="USD")
    buys(shop, customer, 700, status="cancelled")
    buys(shop, customer, 700, status="pending")
    drawn(shop, "control")
    drawn(shop, "treated")
    drawn(shop, "control")
    base = {"connection_id": shop.connections["shop"], "learned_at": NOW, "changed_at": NOW, "digest": 1}
    kept = {"order_id": "o2", "kind": "refund", "reason": "", "currency": "CNY", "requested_at": NOW}
    with shop.store.write() as transaction:
        for number, (status, amount) in enumerate((("completed", 300), ("refused", 900))):
            row = base | kept | {"external_id": f"r{number}", "status": status, "amount": amount}
            transaction.execute(insert(Refund).values(row))
    [found] = reported(shop).campaigns
    assert found.shares["returned"].treated == 0.5
    assert found.revenue.keys() == {"CNY"}
    assert found.revenue["CNY"].treated == (1000 - 300) / 2


def test_complaints_and_unsubscriptions(shop: Shop) -> None:
    complains, refuses = drawn(shop, "treated"), drawn(shop, "control")
    drawn(shop, "treated"), drawn(shop, "control")
    buys(shop, complains, days_ago=60)
    with shop.store.write() as transaction:
        transaction.execute(
            insert(Review).values(
                connection_id=shop.connections["shop"],
                external_id="bad",
                digest=1,
                learned_at=NOW,
                changed_at=NOW,
                order_id=order_of(shop, complains),
                level="bad",
                title="",
                text="",
                created_at=NOW - timedelta(days=30),
            )
        )
    shop.consent(shop.account(refuses), False, at=NOW - timedelta(days=15))
    [found] = reported(shop).campaigns
    assert (found.shares["complained"].treated, found.shares["complained"].control) == (0.5, 0)
    assert (found.shares["unsubscribed"].treated, found.shares["unsubscribed"].control) == (0, 0.5)


def order_of(shop: Shop, customer: int) -> str:
    with shop.store.read() as transaction:
        query = select(Order.external_id).where(Order.account_id == shop.account(customer))
        return str(transaction.scalar(query))


def test_campaigns_are_pooled_and_the_holdout_stands_against_all(shop: Shop) -> None:
    for name in ("win-back", "thanks"):
        for _ in range(3):
            buys(shop, drawn(shop, "treated", campaign=name))
            drawn(shop, "control", campaign=name)
    held, busy = drawn(shop, "holdout"), drawn(shop, "treated", campaign="thanks")
    buys(shop, held)
    assign(shop, busy, "control", days_ago=35, campaign="win-back", chance=0.5)
    found = reported(shop)
    assert [campaign.campaign for campaign in found.campaigns] == ["thanks", "win-back"]
    assert (found.pooled.treated, found.pooled.control) == (7, 7)
    assert found.pooled.shares["returned"].effect is not None
    assert found.holdout is not None
    # Whoever was drawn for a campaign that has a holdout, once.
    assert (found.holdout.treated, found.holdout.control) == (6, 1)


def test_what_was_drawn_with_another_chance_is_compared_apart(shop: Shop) -> None:
    for _ in range(9):
        buys(shop, drawn(shop, "treated", chance=0.9))
    buys(shop, drawn(shop, "control", chance=0.9))
    drawn(shop, "treated", chance=0.1)
    for _ in range(9):
        drawn(shop, "control", chance=0.1)
    [found] = reported(shop).campaigns
    effect = found.shares["returned"].effect
    assert effect is not None
    assert effect.difference == pytest.approx(0)
    assert found.shares["returned"].treated == 0.9


def test_nobody_was_drawn(shop: Shop) -> None:
    found = reported(shop)
    assert found.campaigns == ()
    assert found.pooled.shares["returned"].effect is None
    assert found.holdout is None
