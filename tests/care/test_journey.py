"""Campaigns of several steps, and the ways they go."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from care_shop import FakeChannel, Shop, campaign

from crmsync.care import reason, recover
from crmsync.care.push import channel_of, push_channels
from crmsync.config import Limits
from crmsync.sdk import ChannelContext, OutgoingMessage, PermanentError, Receipt, Recipient, UsageError
from crmsync.testing.clock import FakeClock

STEPS = [
    {"template": "winback"},
    {"wait": "7d", "stop_if": ["bought", "cleared"], "issue_coupon": "thanks"},
    {"template": "winback_coupon"},
    {"wait": "14d", "stop_if": ["bought"], "tag_customer": "silent"},
]


class Platform(FakeChannel):
    """What a platform does beside messages; a coupon's code is made from its key."""

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        receipt = super().send(message, key)
        return Receipt(f"CODE-{key[:4]}", receipt.at, receipt.repeated)


@pytest.fixture
def journey(shop: Shop) -> Shop:
    shop.more = {channel_of(name): Platform(shop.clock) for name in ("issue_coupon", "tag_customer")}
    shop.campaigns = [campaign(template=None, steps=STEPS)]
    return shop


def go(shop: Shop, **by: float) -> list[tuple[int, str, str]]:
    """Let time pass and care work; every message so far."""
    shop.clock.move(**by)
    shop.plan()
    assert shop.plan().planned == 0
    shop.deliver()
    return [(m.step, m.action, m.state) for m in shop.messages()]


def test_one_step_follows_the_other(journey: Shop) -> None:
    journey.customer()
    assert go(journey) == [(0, "send_message", "sent")]
    assert len(go(journey, days=6)) == 1
    assert go(journey, days=1)[1:] == [(1, "issue_coupon", "sent")]
    assert go(journey, minutes=1)[2:] == [(2, "send_message", "sent")]
    assert len(go(journey, days=13)) == 3
    assert go(journey, days=1)[3:] == [(3, "tag_customer", "sent")]
    assert len(go(journey, days=30)) == 4

    first, coupon, second, tag = journey.messages()
    assert {m.journey for m in journey.messages()} == {first.key}
    assert len({m.key for m in journey.messages()}) == 4
    assert coupon.body == "thanks"
    assert coupon.reference.startswith("CODE-")
    assert coupon.reference in second.body
    assert (tag.body, tag.purpose, second.purpose) == ("silent", "service", "marketing")


def test_who_has_bought_is_left_in_peace(journey: Shop) -> None:
    journey.customer()
    journey.customer()
    journey.order("c1", "Old", days_ago=3)
    go(journey)
    journey.clock.move(days=3)
    journey.order("c1", "Tea", days_ago=1)
    journey.order("c2", "Tea", days_ago=1, status="cancelled")
    go(journey, days=4)
    assert [(m.customer_id, m.step) for m in journey.messages()] == [(1, 0), (2, 0), (2, 1)]


def test_a_flag_that_was_cleared_ends_it(journey: Shop) -> None:
    customer = journey.customer()
    go(journey)
    journey.clear(customer)
    assert len(go(journey, days=7)) == 1


def test_what_was_not_carried_out_has_no_next_step(journey: Shop) -> None:
    journey.customer()
    journey.channel.fail = lambda message: PermanentError("no")
    assert go(journey) == [(0, "send_message", "dead")]
    assert len(go(journey, days=8)) == 1


def test_a_step_that_comes_too_late_is_not_taken(journey: Shop) -> None:
    journey.limits = Limits(per_customer=100, period="1d")
    journey.customer()
    go(journey)
    assert len(go(journey, days=11, minutes=1)) == 1


def test_a_step_waits_for_room_under_the_customers_limit(journey: Shop) -> None:
    journey.limits = Limits(per_customer=1, period="10d")
    journey.customer()
    go(journey)
    go(journey, days=7)
    go(journey, minutes=1)
    found = journey.plan().campaigns["win-back"]
    assert found.occasions == found.planned.total() + found.skipped.total()
    assert found.skipped[reason.CUSTOMER_LIMIT] == 1
    assert go(journey, days=3)[2:] == [(2, "send_message", "sent")]


def test_the_control_group_takes_no_step(journey: Shop) -> None:
    journey.campaigns = [campaign(template=None, steps=STEPS, control_group="100%")]
    journey.customer()
    go(journey)
    assert go(journey, days=7) == [(0, "send_message", "suppressed")]


def test_a_step_goes_to_the_account_that_was_written_to_first(journey: Shop) -> None:
    journey.connect("second")
    customer = journey.customer()
    go(journey)
    journey.customer(on="second", of=customer, flag=None)
    journey.order("c2", "Pot", on="second", days_ago=-1, status="pending")
    go(journey, days=7)
    go(journey, minutes=1)
    assert [m.account_id for m in journey.messages()] == ["c1", "c1", "c1"]


def test_consent_withdrawn_on_the_way_ends_it(journey: Shop) -> None:
    journey.customer()
    go(journey)
    journey.clock.move(days=1)
    journey.consent("c1", False)
    assert go(journey, days=6)[1:] == [(1, "issue_coupon", "suppressed")]
    assert len(go(journey, days=8)) == 2


def test_a_crash_on_the_way_neither_repeats_nor_loses_a_step(journey: Shop) -> None:
    journey.customer()
    go(journey)
    journey.clock.move(days=7)
    journey.plan()
    coupons = journey.more[channel_of("issue_coupon")]
    assert isinstance(coupons, Platform)
    coupons.fail_after = lambda message: KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        journey.deliver()
    coupons.fail_after = lambda message: None
    recover(journey.store, now=journey.clock.now())
    go(journey, hours=1)
    go(journey, minutes=1)
    assert len(set(coupons.keys)) == len(coupons.keys) == 1
    assert [m.state for m in journey.messages()] == ["sent", "sent", "sent"]


def test_a_preview_shows_the_next_step(journey: Shop) -> None:
    journey.customer()
    go(journey)
    journey.clock.move(days=7)
    (found,) = journey.preview()
    assert (found.would_send, found.would_not) == (1, {reason.COOLDOWN: 1})
    assert found.examples[0].why.text("en") == "step 2 of the campaign, begun on 2026-03-04"
    assert found.examples[0].text is not None
    assert found.examples[0].text.body == "thanks"


def test_the_first_channel_that_may_and_does_reach(shop: Shop) -> None:
    shop.more = {"mail": FakeChannel(shop.clock)}
    shop.more["mail"].medium = "email"  # type: ignore[misc]
    shop.campaigns = [campaign(channel=["fake", "mail"])]
    shop.customer()
    shop.customer(consent=None)
    shop.consent("c2", True, medium="email")
    shop.customer(consent=None)
    shop.customer(consent=False)
    shop.plan()
    found = [(m.customer_id, m.channel, m.medium, m.reason) for m in shop.messages()]
    assert found == [
        (1, "fake", "platform", ""),
        (2, "mail", "email", ""),
        (3, "fake", "platform", reason.NO_CONSENT),
        (4, "fake", "platform", reason.REFUSED),
    ]


def test_a_channel_that_cannot_deliver_is_passed_over(shop: Shop) -> None:
    shop.more = {"mail": FakeChannel(shop.clock)}
    shop.campaigns = [campaign(channel=["fake", "mail"])]
    shop.channel.unreachable = "too long"
    shop.customer()
    shop.plan()
    assert [(m.channel, m.state) for m in shop.messages()] == [("mail", "queued")]


def test_a_channel_that_is_not_there_is_passed_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: str) -> None:
        raise UsageError("cannot send")

    shop.more = {"mail": FakeChannel(shop.clock)}
    shop.campaigns = [campaign(channel=["gone", "fake", "mail"])]
    monkeypatch.setattr(shop.channel, "idempotency_for", refuse)
    shop.customer()
    shop.plan()
    assert [m.channel for m in shop.messages()] == ["mail"]


def test_a_tier_has_a_template_of_its_own(shop: Shop, tmp_path: Path) -> None:
    for name in ("top", "high", "rest"):
        (tmp_path / f"{name}.j2").write_text(f"subject: x\n{name}\n")
    templates = {"top": "top.j2", "high": "high.j2", "default": "rest.j2"}
    shop.campaigns = [campaign(template=templates)]
    shop.flag(shop.customer(flag=None), state="top")
    shop.flag(shop.customer(flag=None), state="key")
    shop.flag(shop.customer(flag=None), level="low")
    shop.plan(folder=tmp_path)
    assert [m.body for m in shop.messages()] == ["top", "high", "rest"]


class Connector:
    name = "own"

    def __init__(self) -> None:
        self.pushed: list[tuple[str, str, str, str]] = []

    def accepts(self) -> dict[str, str]:
        return {"issue_coupon": "key", "add_note": "lookup"}

    def issue_coupon(self, account_id: str, coupon: str, key: str) -> Receipt:
        self.pushed.append(("issue_coupon", account_id, coupon, key))
        return Receipt("CODE-1")

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        return Receipt("found") if key == "k" else None


def test_a_push_goes_to_the_customers_own_connector(shop: Shop) -> None:
    connector = Connector()
    none: Any = None
    context = ChannelContext(
        "push", FakeClock(shop.clock.now()), logging.getLogger(), none, none, connector=lambda id: connector
    )
    shop.more = dict(push_channels(context))
    shop.campaigns = [campaign(template=None, steps=[{"issue_coupon": "thanks"}])]
    shop.customer()
    assert go(shop) == [(0, "issue_coupon", "sent")]
    (message,) = shop.messages()
    assert connector.pushed == [("issue_coupon", "c1", "thanks", message.key)]
    assert message.reference == "CODE-1"
    notes = shop.more[channel_of("add_note")]
    assert notes.idempotency_for("shop") == "lookup"
    sent = OutgoingMessage(1, "c", "service", Recipient("shop", "c1"), "", "note", "en")
    assert notes.lookup(sent, "k") == Receipt("found")
    with pytest.raises(UsageError):
        shop.more[channel_of("tag_customer")].idempotency_for("shop")


def test_a_platform_that_cannot_do_a_step_holds_nothing_against_its_customers(shop: Shop) -> None:
    none: Any = None
    context = ChannelContext(
        "push", shop.clock, logging.getLogger(), none, none, connector=lambda id: Connector()
    )
    shop.more = dict(push_channels(context))
    shop.campaigns = [campaign(template=None, steps=[{"tag_customer": "x"}])]
    shop.customer()
    assert shop.plan().campaigns["win-back"].skipped == {reason.CHANNEL_UNAVAILABLE: 1}
