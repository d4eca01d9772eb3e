"""The example configuration of the built-in shop gives what the shop's own connector gives."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from crmsync_demo.connector import DemoConnector
from crmsync_rest.connector import RestConnector
from rest_case import pull, records
from ruamel.yaml import YAML

from crmsync.sdk import (
    Connector,
    Context,
    Cursor,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    OutgoingMessage,
    Patience,
    Recipient,
    SystemClock,
    TransientError,
)
from crmsync.testing import Shop

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "rest-demo.yaml"


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop(seed=11, customers=150) as shop:
        yield shop


def opened(connector: type[Connector[Any]], settings: dict[str, Any]) -> Any:
    clock = SystemClock()
    http = partial(
        HttpSession, connection="shop", clock=clock, pacer=MemoryPacer(), patience=Patience(tries=1)
    )
    context = Context("shop", clock, logging.getLogger("test"), http, MemoryTokenStore())
    return connector(connector.Settings.model_validate(settings), context)


@pytest.fixture
def demo(shop: Shop) -> Any:
    return opened(DemoConnector, {"base_url": shop.url, "client_secret": "demo-secret"})


@pytest.fixture
def rest(shop: Shop) -> Any:
    text = EXAMPLE.read_text("utf-8")
    for reference, value in (
        ("${env:CRMSYNC_SHOP_URL:-http://127.0.0.1:8800}", shop.url),
        ("${env:CRMSYNC_SHOP_SECRET}", "demo-secret"),
    ):
        assert reference in text
        text = text.replace(reference, value)
    (connection,) = YAML(typ="safe").load(text)["connections"]
    return opened(RestConnector, {k: v for k, v in connection.items() if k not in ("id", "connector")})


def by_id(connector: Any, stream: str, since: Cursor | None = None) -> dict[str, Any]:
    return {record.external_id: record for record in records(connector, stream, since)}


@pytest.mark.parametrize("stream", DemoConnector.streams())
def test_every_record_is_the_same(rest: Any, demo: Any, stream: str) -> None:
    ours = by_id(rest, stream)
    assert ours
    assert ours == by_id(demo, stream)


def test_what_changed_is_read_from_the_cursor_on(shop: Shop, rest: Any, demo: Any) -> None:
    cursor = pull(rest)[-1].cursor
    (edited,) = shop.create_orders(1)
    shop.put("orders", [{"id": edited, "status": "CLOSED"}])
    changed = by_id(rest, "orders", cursor)
    assert changed[edited].status == "cancelled"
    assert len(changed) < 20


def test_the_shop_is_named(rest: Any, demo: Any) -> None:
    assert rest.check() == demo.check()


def test_a_record_edited_while_paging_is_not_lost(shop: Shop, rest: Any, demo: Any) -> None:
    shop.misbehave("edited_while_paging", times=1)
    assert by_id(rest, "orders") == by_id(demo, "orders")


def test_a_token_that_expires_on_the_way_is_renewed(shop: Shop, rest: Any, demo: Any) -> None:
    shop.misbehave("expired_token", times=1)
    assert by_id(rest, "orders") == by_id(demo, "orders")


def test_a_message_is_delivered_once(shop: Shop, rest: Any) -> None:
    buyer = shop.rows("customers")[0]["id"]
    before = len(shop.messages)
    message = OutgoingMessage(1, "care", "service", Recipient("shop", buyer), "", "您好", "zh")
    first, again = rest.send_message(message, "key-1"), rest.send_message(message, "key-1")
    assert (first.reference, first.repeated) == (again.reference, False)
    assert again.repeated
    assert len(shop.messages) == before + 1
    assert rest.lookup_message(message, "key-1").reference == first.reference
    assert rest.lookup_message(message, "key-2") is None


@pytest.mark.parametrize(
    ("kind", "skip"),
    [
        ("wrong_shape", 1),
        ("error_in_200", 1),
        ("repeated_page", 0),
        ("repeated_page", 1),
        ("truncated", 1),
        ("wrong_json", 1),
        ("500", 0),
    ],
)
def test_a_bad_answer_ends_the_walk_and_the_next_one_has_all(
    shop: Shop, rest: Any, demo: Any, kind: str, skip: int
) -> None:
    wanted = by_id(demo, "orders")
    shop.misbehave(kind, times=1, skip=skip)
    with pytest.raises(TransientError):
        pull(rest)
    shop.behave()
    assert by_id(rest, "orders") == wanted
