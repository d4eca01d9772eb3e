from __future__ import annotations

import logging
from typing import Any

import pytest
from channel_context import context, message
from crmsync_platform.channel import PlatformChannel
from crmsync_platform.settings import PlatformSettings

from crmsync.sdk import Connector, Context, OutgoingMessage, Receipt, Settings, Shop, UsageError, push


class Nothing(Settings):
    """Nothing."""


class Talks(Connector[Nothing]):
    name = "talks"
    title = "Talks"
    Settings = Nothing

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
    assert channel.reaches(message(body="x" * 20)) is None
    assert "21 characters" in (channel.reaches(message(body="x" * 21)) or "")


def test_without_connections_it_says_so() -> None:
    with pytest.raises(UsageError):
        PlatformChannel(PlatformSettings(), context()).idempotency_for("shop")
