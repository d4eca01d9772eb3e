"""A platform's window is kept when a message is planned, and again when it is sent."""

from __future__ import annotations

from datetime import timedelta

from care_shop import FakeChannel, Shop

from crmsync.sdk import OutgoingMessage
from crmsync.sdk.policy import MessagePolicy


class Strict(FakeChannel):
    """Of a platform that takes messages about an order for a week."""

    policy = MessagePolicy(window=timedelta(days=7))

    def reaches(self, message: OutgoingMessage) -> str | None:
        return self.policy.refusal(message, self.clock.now())


def test_a_message_about_an_old_order_is_not_sent(shop: Shop) -> None:
    shop.channel = Strict(shop.clock)
    recent, old, none = shop.customer(), shop.customer(), shop.customer()
    shop.order(shop.account(recent), "tea", days_ago=6)
    shop.order(shop.account(old), "tea", days_ago=8)
    shop.plan()
    shop.deliver()
    (sent,) = [message for _, message, _ in shop.channel.delivered]
    assert sent.recipient.account_id == shop.account(recent)
    assert sent.ordered_at == shop.clock.now() - timedelta(days=6)
    assert none is not None


def test_a_message_that_waits_too_long_is_not_sent(shop: Shop) -> None:
    shop.channel = Strict(shop.clock)
    customer = shop.customer()
    shop.order(shop.account(customer), "tea", days_ago=6)
    shop.plan()
    shop.clock.move(days=1, seconds=1)
    result = shop.deliver()
    assert result.counts["suppressed"] == 1
    assert shop.channel.delivered == []
