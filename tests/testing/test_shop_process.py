from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from crmsync.testing.process import RemoteShop, shop_process
from crmsync.testing.shop import Shop

SIZE = {"seed": 3, "customers": 40, "history_days": 100, "future_days": 30}


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteShop]:
    with shop_process(**SIZE) as remote:
        yield remote


def test_a_shop_elsewhere_is_the_same_shop(remote: RemoteShop) -> None:
    here = Shop(**SIZE)
    here.advance(remote.now - here.now)
    ids = [row["id"] for row in remote.rows("reviews")]
    assert ids == [row["id"] for row in here.rows("reviews")]
    assert remote.truth()["churned"] == here.truth()["churned"]
    here.stop()


def test_it_is_advanced(remote: RemoteShop) -> None:
    before = remote.now
    remote.advance(timedelta(hours=2))
    assert remote.now - before == timedelta(hours=2)
    with pytest.raises(ValueError, match="can be advanced by"):
        remote.advance(timedelta(days=400))


def test_its_records_are_changed_added_and_removed(remote: RemoteShop) -> None:
    id = remote.rows("orders")[0]["id"]
    remote.put("orders", [{"id": id, "status": "CLOSED"}])
    new = remote.create_orders(3, buyer_id="C000001")
    rows = {row["id"]: row for row in remote.rows("orders")}
    assert rows[id]["status"] == "CLOSED"
    assert {rows[n]["buyer_id"] for n in new} == {"C000001"}
    assert len(set(new)) == 3
    remote.remove("orders", new)
    assert not {*new} & {row["id"] for row in remote.rows("orders")}


def test_its_messages_and_requests_are_read(remote: RemoteShop) -> None:
    sent = {"buyer_id": "C000001", "text": "Hello"}
    headers = {"X-Api-Key": "demo-key", "Idempotency-Key": "process"}
    requests.post(f"{remote.url}/messages", json=sent, headers=headers, timeout=5)
    assert [m["text"] for m in remote.messages if m["key"] == "process"] == ["Hello"]
    assert ("POST", "/messages", 201) in [(r["method"], r["path"], r["status"]) for r in remote.requests]


def test_it_misbehaves_and_behaves(remote: RemoteShop) -> None:
    remote.misbehave("500", times=None, path="/shop")
    url, headers = f"{remote.url}/shop", {"X-Api-Key": "demo-key"}
    assert requests.get(url, headers=headers, timeout=5).status_code == 500
    remote.behave()
    assert requests.get(url, headers=headers, timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("misbehave", {"kind": "explode"}),
        ("advance", {"fortnights": 1}),
        ("idempotency", {"mode": "maybe"}),
        ("idempotency", {}),
    ],
)
def test_wrong_orders_are_refused(remote: RemoteShop, path: str, body: dict[str, Any]) -> None:
    answer = requests.post(f"{remote.url}/_control/{path}", json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def test_a_command_line_that_is_wrong_is_reported() -> None:
    with pytest.raises(RuntimeError, match="did not start"), shop_process(port="x"):
        pass
