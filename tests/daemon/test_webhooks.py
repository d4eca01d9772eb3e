"""Events of platforms, as a daemon that runs receives them."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmsync.daemon.wake import Wakes
from crmsync.sdk import WebhookRequest
from crmsync.testing import Shop
from crmsync.testing.event import standard_event

SECRET = "signed by the shop"


@pytest.fixture
def config(config: Path) -> Path:
    """As configured for every test here, but polled once an hour."""
    (config.parent / "events").write_text(SECRET)
    text = config.read_text().replace("schedule: every 1s\ndaemon", "schedule: every 1h\ndaemon")
    text = text.replace("daemon:", "    webhook_secret: ${file:events}\ndaemon:", 1)
    config.write_text(text)
    return config


def post(port: int, path: str, request: WebhookRequest) -> tuple[int, Any]:
    call = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", request.body, dict(request.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def event(of: str = "orders", secret: str = SECRET, late: timedelta = timedelta()) -> WebhookRequest:
    return standard_event(f"{of}.changed", secret, datetime.now(UTC) - late)


def reads(shop: Shop, stream: str) -> int:
    """How often a stream's list was begun."""
    return sum(seen.path == f"/{stream}" and "cursor" not in seen.query for seen in shop.requests)


def test_one_event_is_one_pull_of_its_stream(start_daemon, config: Path, shop: Shop) -> None:
    daemon = start_daemon()
    daemon.until(lambda: shop.messages)
    before = {stream: reads(shop, stream) for stream in ("orders", "refunds", "reviews", "customers")}
    shop.create_orders(3)
    true = event()
    assert post(daemon.port, "/webhooks/shop", true) == (
        200,
        {"version": 1, "outcome": "accepted", "streams": ["orders"]},
    )
    daemon.until(lambda: reads(shop, "orders") > before["orders"])
    refused = [
        post(daemon.port, "/webhooks/shop", event(secret="another"))[0],
        post(daemon.port, "/webhooks/shop", event(late=timedelta(minutes=6)))[0],
        post(daemon.port, "/webhooks/nobody", event())[0],
        post(daemon.port, "/webhooks/", event())[0],
    ]
    assert refused == [401, 401, 404, 404]
    for _ in range(20):
        assert post(daemon.port, "/webhooks/shop", true) == (
            200,
            {"version": 1, "outcome": "repeated", "streams": []},
        )
    assert post(daemon.port, "/webhooks/shop", event("stock"))[1]["streams"] == []
    time.sleep(2)
    after = {stream: reads(shop, stream) for stream in before}
    assert after == {**before, "orders": before["orders"] + 1}
    _, shown = daemon.get("/metrics")
    assert 'crmsync_webhook_requests_total{connection="shop",outcome="accepted"} 2.0' in shown
    assert 'crmsync_webhook_requests_total{connection="shop",outcome="repeated"} 20.0' in shown
    assert 'crmsync_webhook_requests_total{connection="shop",outcome="forged"} 1.0' in shown
    assert "nobody" not in shown
    assert daemon.end() == 0
    text = daemon.log.read_text()
    assert SECRET not in text


def test_many_events_in_a_moment_are_one_pull(start_daemon, config: Path, shop: Shop) -> None:
    daemon = start_daemon()
    daemon.until(lambda: shop.messages)
    before = reads(shop, "reviews")
    for _ in range(5):
        assert post(daemon.port, "/webhooks/shop", event("reviews"))[0] == 200
    daemon.until(lambda: reads(shop, "reviews") > before)
    time.sleep(1.5)
    assert reads(shop, "reviews") == before + 1
    assert daemon.end() == 0


def test_what_is_asked_for_while_a_pull_goes_on_waits_for_the_next() -> None:
    wakes = Wakes()
    wakes.ask("shop", ["orders"])
    with wakes.pull("shop", wait=True) as first:
        assert first == {"orders"}
        wakes.ask("shop", ["orders", "reviews"])
        with wakes.pull("shop", wait=False) as second:
            assert second is None
        with wakes.pull("other", wait=False) as other:
            assert other == frozenset()
    assert wakes.asked("shop")
    with wakes.pull("shop", wait=False) as third:
        assert third == {"orders", "reviews"}
    assert not wakes.asked("shop")
