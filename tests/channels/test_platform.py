from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from channel_context import context, message
from crmsync_platform.channel import PlatformChannel
from crmsync_platform.settings import PlatformSettings

from crmsync.sdk import (
    Connector,
    Context,
    MessagePolicy,
    OutgoingMessage,
    Receipt,
    Settings,
    Shop,
    UsageError,
    push,
)


class Nothing(Settings):
    """Nothing."""


class Talks(Connector[Nothing]):
    name = "talks"
    title = "Talks"
    Settings = Nothing

    message_policy = MessagePolicy(
        window=timedelta(days=30), max_length=25, forbidden_words=frozenset({"Best", "微信"}), links=False
    )

    def check(self) -> Shop:
        return Shop("x")

    @push("lookup")
    def send_message(self, message: OutgoingMessage, key: str) -> Receipt:
        return Receipt(f"{self.context.connection}/{key}")

    def lookup_message(self, message: OutgoingMessage, key: str) -> Receipt | None:
        return Receipt("found") if key == "known" else None


class Mute(Connector[Nothing]):
    name = "mute"
    title = "Mute"
    Settings = Nothing

    def check(self) -> Shop:
        return Shop("x")


class Deaf(Talks):
    def accepts(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def channel(opened: list[str]) -> PlatformChannel:
    kinds: dict[str, type[Connector[Any]]] = {"shop": Talks, "mute": Mute, "deaf": Deaf}

    def connector(name: str) -> Connector[Any]:
        opened.append(name)
        host = context()
        return kinds[name](
            Nothing(), Context(name, host.clock, logging.getLogger("t"), host.http, host.tokens)
        )

    return PlatformChannel(PlatformSettings(max_length=20), context(connector=connector))


def test_it_sends_by_the_customers_own_connection(channel: PlatformChannel, opened: list[str]) -> None:
    assert channel.send(message(), "k").reference == "shop/k"
    assert channel.send(message(), "l").reference == "shop/l"
    assert opened == ["shop"]


def test_it_promises_what_the_connector_promises(channel: PlatformChannel) -> None:
    assert channel.idempotency_for("shop") == "lookup"
    assert channel.lookup(message(), "known") == Receipt("found")
    assert channel.lookup(message(), "other") is None


@pytest.mark.parametrize("connection", ["mute", "deaf"])
def test_a_connector_that_sends_no_messages_is_named(channel: PlatformChannel, connection: str) -> None:
    with pytest.raises(UsageError, match=connection):
        channel.idempotency_for(connection)


def test_a_text_too_long_for_the_platform_does_not_go(channel: PlatformChannel) -> None:
    assert channel.reaches(ordered(channel, 0, body="x" * 20)) is None
    assert "21 characters" in (channel.reaches(ordered(channel, 0, body="x" * 21)) or "")
    channel.settings = PlatformSettings(max_length=100)
    assert channel.reaches(ordered(channel, 0, body="x" * 25)) is None
    assert "takes 25" in (channel.reaches(ordered(channel, 0, body="x" * 26)) or "")


def ordered(channel: PlatformChannel, days_ago: float, **changes: Any) -> OutgoingMessage:
    at = channel.clock.now() - timedelta(days=days_ago)
    return message(**{"ordered_at": at, "body": "Hello", **changes})


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, None),
        ({"days_ago": 30}, None),
        ({"days_ago": 30.1}, "for 30 days only"),
        ({"ordered_at": None}, "about an order only"),
        ({"body": "the BEST tea"}, "the word Best"),
        ({"subject": "加微信"}, "the word 微信"),
        ({"body": "HTTPS://a.example"}, "forbids links"),
        ({"body": "see www.a.example"}, "forbids links"),
        ({"body": "a b.c, 3.50 w.w"}, None),
    ],
)
def test_the_platforms_own_rules_are_kept(
    channel: PlatformChannel, changes: dict[str, Any], why: str | None
) -> None:
    told = channel.reaches(ordered(channel, changes.pop("days_ago", 0), **changes))
    assert told == why if why is None else why in (told or "")


def test_a_window_after_the_delivery_begins_with_it(channel: PlatformChannel) -> None:
    policy = MessagePolicy(window=timedelta(days=4), window_from="delivered")
    now = channel.clock.now()
    assert policy.refusal(ordered(channel, 20), now) is None
    assert policy.refusal(ordered(channel, 20, delivered_at=now - timedelta(days=4)), now) is None
    late = ordered(channel, 20, delivered_at=now - timedelta(days=4, seconds=1))
    assert "4 days only" in (policy.refusal(late, now) or "")


def test_a_connector_without_rules_takes_everything(channel: PlatformChannel) -> None:
    channel.settings = PlatformSettings()
    assert channel.reaches(message(connection="mute", body="best https://a.example " * 100)) is None


def test_without_connections_it_says_so() -> None:
    with pytest.raises(UsageError):
        PlatformChannel(PlatformSettings(), context()).idempotency_for("shop")
