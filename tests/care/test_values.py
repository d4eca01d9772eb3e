"""What a template may say to a customer."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from care_shop import NOW, Shop, campaign
from sqlalchemy import insert, update

from crmsync.care.text import VALUES
from crmsync.store.tables import Conversation, Flag, ProductFact


@pytest.fixture
def said(shop: Shop, tmp_path: Path) -> Any:
    """What one customer's message says of each value, by customer."""

    def said(**changes: Any) -> dict[int, dict[str, str]]:
        lines = "\n".join(f"{name}={{{{ {name}|default('-', true) }}}}" for name in VALUES)
        (tmp_path / "all.j2").write_text(f"subject: x\n{lines}\n")
        shop.campaigns = [campaign(template=str(tmp_path / "all.j2"), **changes)]
        result = shop.plan()
        assert not any(found.problem for found in result.campaigns.values())
        return {m.customer_id: dict(line.split("=") for line in m.body.splitlines()) for m in shop.messages()}

    return said


def evidence(shop: Shop, customer: int, *orders: str) -> None:
    reason = {
        "fact": "due_at",
        "value": 1,
        "threshold": 0,
        "evidence": orders,
        "told": {"message": "late", "values": {}, "own": {}},
    }
    with shop.store.write() as transaction:
        transaction.execute(
            update(Flag).where(Flag.subject_id == str(customer)).values(reasons=json.dumps([reason]))
        )


def test_what_is_known_of_the_customer(shop: Shop, said: Any) -> None:
    customer, bare = shop.customer(name="Lin"), shop.customer(name=None)
    shop.order("c1", "Tea", days_ago=800, quantity=5)
    shop.order("c1", "Pot", days_ago=10)
    found = said(offer={"zh": "红包", "en": "a present"})
    assert found[customer] | {"order_number": "o4"} == found[customer]
    expected = {
        "customer_name": "Lin",
        "shop_name": "The shop",
        "first_order_date": "25 December 2023",
        "last_order_date": "22 February 2026",
        "days_since": "10",
        "years": "2",
        "orders": "2",
        "last_product": "Pot",
        "favourite_product": "Tea",
        "product": "Pot",
        "level": "high",
        "offer": "a present",
        "complaint_type": "-",
        "coupon_code": "-",
        "unsubscribe_url": "-",
    }
    assert found[customer] | expected == found[customer]
    known = {name for name, value in found[bare].items() if value not in ("-", "0")}
    assert known == {"shop_name", "level", "offer"}


def test_a_message_is_about_the_order_the_flag_names(shop: Shop, said: Any) -> None:
    late, other = shop.customer(), shop.customer()
    shop.order("c1", "Tea", days_ago=20, promised_at=NOW - timedelta(days=2))
    shop.order("c1", "Pot", days_ago=1)
    shop.order("c2", "Cup", days_ago=9)
    evidence(shop, late, "gone", "o3")
    # Another customer's order is nobody else's business.
    evidence(shop, other, "o3")
    found = said()
    assert (found[late]["order_number"], found[late]["product"]) == ("o3", "Tea")
    assert found[late]["promised_date"] == "2 March 2026"
    assert found[late]["last_product"] == "Pot"
    assert (found[other]["order_number"], found[other]["product"]) == ("o5", "Cup")


def test_after_a_delivery_it_is_about_what_was_delivered(shop: Shop, said: Any) -> None:
    shop.customer(flag=None)
    shop.order("c1", "Tea", days_ago=20, delivered_at=NOW - timedelta(days=8))
    shop.order("c1", "Pot", days_ago=1)
    found = said(when={"date": "delivery", "after": "7d"})
    assert (found[1]["product"], found[1]["last_product"], found[1]["level"]) == ("Tea", "Pot", "-")


def complain(shop: Shop, account: str, type: str | None, days_ago: float) -> None:
    number, now = next(shop.numbers), shop.clock.now()
    with shop.store.write() as transaction:
        transaction.execute(
            insert(Conversation).values(
                connection_id=shop.connections["shop"],
                external_id=f"v{number}",
                account_id=account,
                type=type,
                started_at=now - timedelta(days=days_ago),
                learned_at=now,
                changed_at=now,
                digest=number,
            )
        )


def test_the_latest_complaint_or_the_flag_says_its_type(shop: Shop, said: Any) -> None:
    for _ in range(3):
        shop.customer(flag=None)
    complain(shop, "c1", "service", 9)
    complain(shop, "c1", "logistics", 3)
    complain(shop, "c1", None, 1)
    complain(shop, "c2", "service", 3)
    shop.flag(1)
    shop.flag(2, state="contract")
    shop.flag(3, state="declining")
    found = said()
    assert [found[n]["complaint_type"] for n in (1, 2, 3)] == ["logistics", "contract", "-"]


def test_what_goes_with_the_last_product_is_recommended_unless_it_was_bought(shop: Shop, said: Any) -> None:
    for _ in range(3):
        shop.customer()
    for account in ("c1", "c2"):
        shop.order(account, "Tea", days_ago=5)
    for title in ("Pot", "Cup"):
        shop.order("c2" if title == "Pot" else "c3", title, days_ago=50)
    with shop.store.write() as transaction:
        zeros = {c.name: 0 for c in ProductFact.__table__.columns if not c.nullable}
        shop_id = shop.connections["shop"]
        given = {"connection_id": shop_id, "external_id": "Tea", "companions": "Lost 9\nPot 7\nCup 3"}
        transaction.execute(insert(ProductFact).values(zeros | given))
    found = said()
    assert [found[n]["recommended_product"] for n in (1, 2, 3)] == ["Pot", "Cup", "-"]
