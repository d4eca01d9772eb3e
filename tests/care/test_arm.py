"""Who is left alone to compare with, and who makes way for whom."""

from __future__ import annotations

from typing import Any

from care_shop import Shop, campaign
from sqlalchemy import select

from crmsync.care import reason
from crmsync.care.arm import Arms
from crmsync.config import Limits
from crmsync.store.tables import Assignment


def arms(shop: Shop, name: str = "win-back") -> dict[int, str]:
    query = select(Assignment.customer_id, Assignment.arm).where(Assignment.campaign == name)
    with shop.store.read() as transaction:
        return {row.customer_id: row.arm for row in transaction.execute(query)}


def test_everybody_who_could_be_written_to_is_in_an_arm_and_nobody_else(shop: Shop) -> None:
    shop.campaigns = [campaign(control_group="50%")]
    asked = {shop.customer() for _ in range(40)}
    shop.customer(consent=None)
    shop.customer(consent=False)
    shop.plan()
    found = arms(shop)
    assert found.keys() == asked
    assert {"treated", "control"} == set(found.values())
    written = {m.customer_id for m in shop.messages() if m.state == "queued"}
    assert written == {customer for customer, arm in found.items() if arm == "treated"}


def test_an_arm_is_kept_when_the_share_changes(shop: Shop) -> None:
    customers = [shop.customer() for _ in range(10)]
    shop.plan()
    shop.campaigns = [campaign(control_group="100%")]
    shop.clock.move(days=91)
    new = shop.customer()
    shop.plan()
    assert arms(shop) == {**dict.fromkeys(customers, "treated"), new: "control"}
    assert [m.state for m in shop.messages()].count("queued") == 20


def test_the_holdout_is_the_same_people_in_every_marketing_campaign(shop: Shop) -> None:
    shop.limits = Limits(per_customer=100, holdout="30%")
    shop.campaigns = [
        campaign(),
        campaign(name="more"),
        campaign(name="sorry", purpose="service", template="apology"),
    ]
    customers = {shop.customer() for _ in range(60)}
    shop.plan()
    held = {customer for customer, arm in arms(shop).items() if arm == "holdout"}
    assert 6 <= len(held) <= 30
    assert held == {customer for customer, arm in arms(shop, "more").items() if arm == "holdout"}
    assert arms(shop, "sorry") == dict.fromkeys(customers, "treated")
    reasons = {m.reason for m in shop.messages() if m.customer_id in held and m.campaign != "sorry"}
    assert reasons == {reason.HOLDOUT}
    assert not any(m.body for m in shop.messages() if m.reason)


def test_shares_are_met_and_arms_of_two_campaigns_are_independent() -> None:
    limits = Limits(holdout="10%")
    first = Arms(campaign(control_group="20%"), limits)
    second = Arms(campaign(name="other", control_group="20%"), limits)
    drawn = [(first.draw(f"shop:{n}"), second.draw(f"shop:{n}")) for n in range(20_000)]
    share = {arm: sum(a == arm for a, _ in drawn) / len(drawn) for arm in ("holdout", "control")}
    assert abs(share["holdout"] - 0.10) < 0.01
    assert abs(share["control"] - 0.18) < 0.01
    assert first.chance == 0.9 * 0.8
    both = sum(pair == ("control", "control") for pair in drawn) / len(drawn)
    assert abs(both - 0.9 * 0.2 * 0.2) < 0.01


def competing(**win_back: Any) -> list[Any]:
    return [
        campaign(name="news", template="vip_thanks", when="vip"),
        campaign(**{"priority": 5} | win_back),
    ]


def test_the_campaign_of_higher_priority_takes_the_slot(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = competing()
    customer = shop.customer()
    shop.flag(customer, "vip")
    result = shop.plan()
    assert result.campaigns["win-back"].planned == {"queued": 1}
    assert result.campaigns["news"].skipped == {reason.CUSTOMER_LIMIT: 1}


def test_what_waits_makes_way_and_is_planned_again_when_there_is_room(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = competing()
    customer = shop.customer(flag="vip")
    other = shop.customer(flag="vip")
    assert shop.plan().campaigns["news"].planned == {"queued": 2}
    shop.flag(customer)
    shop.plan()
    news = {m.customer_id: (m.state, m.reason) for m in shop.messages() if m.campaign == "news"}
    assert news == {customer: ("suppressed", reason.OUTRANKED), other: ("queued", "")}
    shop.deliver()
    assert sorted(m.campaign for _, m, _ in shop.channel.delivered) == ["news", "win-back"]
    shop.clock.move(days=7, seconds=1)
    assert shop.plan().campaigns["news"].planned == {"queued": 1}
    assert [m.state for m in shop.messages() if m.campaign == "news"] == ["queued", "sent"]


def test_only_as_much_makes_way_as_is_needed_and_nothing_that_was_sent(shop: Shop) -> None:
    shop.limits = Limits(per_customer=2)
    shop.campaigns = [*competing(), campaign(name="club", template="vip_thanks", when="vip", priority=1)]
    customer = shop.customer(flag="vip")
    shop.plan()
    shop.flag(customer)
    shop.plan()
    states = {m.campaign: m.state for m in shop.messages()}
    assert states == {"club": "queued", "news": "suppressed", "win-back": "queued"}
    shop.deliver()
    shop.campaigns.append(campaign(name="urgent", priority=9))
    assert shop.plan().campaigns["urgent"].skipped == {reason.CUSTOMER_LIMIT: 1}


def test_equals_do_not_make_way(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = competing(priority=0)
    customer = shop.customer(flag="vip")
    shop.plan()
    shop.flag(customer)
    assert shop.plan().campaigns["win-back"].skipped == {reason.CUSTOMER_LIMIT: 1}


def test_a_control_takes_nobodys_slot(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = competing(control_group="100%")
    customer = shop.customer(flag="vip")
    shop.plan()
    shop.flag(customer)
    shop.plan()
    assert [m.state for m in shop.messages() if m.campaign == "news"] == ["queued"]
