"""A text may name where its reader unsubscribes, for those ways that take links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from care_shop import FakeChannel, Shop, campaign

from crmsync.care import Links, Terms, unsubscribe
from crmsync.config import Campaign
from crmsync.sdk import OutgoingMessage
from crmsync.sdk.policy import MessagePolicy

URL = "https://care.example.com"


class Ruled(FakeChannel):
    """Of a platform with rules of its own."""

    def __init__(self, shop: Shop, **policy: Any) -> None:
        super().__init__(shop.clock)
        self.policy = MessagePolicy(**policy)

    def reaches(self, message: OutgoingMessage) -> str | None:
        return self.policy.refusal(message, self.clock.now())


@pytest.fixture
def links(shop: Shop) -> Links:
    return Links(Terms.of(shop.store).keyring, URL)


@pytest.fixture
def two_ways(shop: Shop, tmp_path: Path) -> Campaign:
    (tmp_path / "own.j2").write_text(
        "subject: Tea\nCome back.{% if unsubscribe_url %} Or not: {{ unsubscribe_url }}{% endif %}"
    )
    shop.campaigns = [campaign(template=str(tmp_path / "own.j2"), channel=["fake", "second"])]
    return shop.campaigns[0]


def planned(shop: Shop, links: Links | None) -> tuple[str, str]:
    shop.customer()
    (shown,) = shop.preview(links=links)
    shop.plan(links=links)
    (message,) = shop.messages()
    if message.state != "suppressed":
        assert shown.examples[0].text.body == message.body
    return message.channel, message.body


@pytest.mark.parametrize("template", ["winback.en.j2", "winback.zh.j2"])
def test_the_link_in_the_text_is_the_readers_own(shop: Shop, links: Links, template: str) -> None:
    shop.campaigns = [campaign(template=template)]
    _, body = planned(shop, links)
    (token,) = re.findall(rf"{URL}/unsubscribe/(\S+)", body)
    assert unsubscribe(shop.store, links, token, now=shop.clock.now())
    shop.deliver()
    assert shop.states() == ["suppressed"]


@pytest.mark.parametrize("public", [True, False])
def test_without_a_public_address_the_text_has_no_link(shop: Shop, two_ways: Campaign, public: bool) -> None:
    links = Links(Terms.of(shop.store).keyring) if public else None
    assert planned(shop, links) == ("fake", "Come back.")


def test_a_platform_that_takes_no_links_gets_the_text_without(
    shop: Shop, links: Links, two_ways: Campaign
) -> None:
    shop.channel, shop.more["second"] = Ruled(shop, links=False), Ruled(shop)
    assert planned(shop, links) == ("fake", "Come back.")


def test_a_text_that_the_link_makes_too_long_goes_without(
    shop: Shop, links: Links, two_ways: Campaign
) -> None:
    shop.channel = Ruled(shop, max_length=40)
    assert planned(shop, links) == ("fake", "Come back.")


def test_what_is_refused_for_another_reason_keeps_its_link_on_the_next_way(
    shop: Shop, links: Links, two_ways: Campaign
) -> None:
    shop.channel, shop.more["second"] = Ruled(shop, forbidden_words=frozenset({"back"})), Ruled(shop)
    channel, body = planned(shop, links)
    assert channel == "second"
    assert body.startswith(f"Come back. Or not: {URL}/unsubscribe/")


def test_what_no_way_takes_says_why(shop: Shop, links: Links, two_ways: Campaign) -> None:
    shop.channel = Ruled(shop, forbidden_words=frozenset({"back"}), links=False)
    planned(shop, links)
    (message,) = shop.messages()
    assert (message.state, message.reason) == ("suppressed", "the platform forbids the word back")
