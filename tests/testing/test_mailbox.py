from __future__ import annotations

from typing import Any

import pytest

from crmsync.testing.shop import Shop

HELLO = {"buyer_id": "C000001", "text": "Hello"}


def test_a_message_is_received_with_its_receipt(shop: Shop, client: Any) -> None:
    answer = client.post("/messages", HELLO, "k1")
    assert answer.status_code == 201
    assert answer.json()["repeated"] is False
    [message] = shop.messages
    assert (message.id, message.key, message.buyer_id, message.text, message.at) == (
        answer.json()["id"],
        "k1",
        "C000001",
        "Hello",
        shop.now.isoformat(),
    )


def test_same_key_is_one_message_and_the_same_receipt(shop: Shop, client: Any) -> None:
    first, second = (client.post("/messages", HELLO, "k1") for _ in range(2))
    assert second.status_code == 200
    assert second.json() == {**first.json(), "repeated": True}
    assert len(shop.messages) == 1


def test_other_keys_and_no_key_are_other_messages(shop: Shop, client: Any) -> None:
    for key in ("k1", "k2", None, None):
        client.post("/messages", HELLO, key)
    assert len(shop.messages) == 4


def test_a_key_does_not_cover_another_message(shop: Shop, client: Any) -> None:
    client.post("/messages", HELLO, "k1")
    answer = client.post("/messages", {**HELLO, "text": "Bye"}, "k1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "key_reused")
    assert len(shop.messages) == 1


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [({"buyer_id": "nobody"}, 404, "unknown_buyer"), ({"text": ""}, 422, "empty_text")],
)
def test_a_message_is_refused(shop: Shop, client: Any, wrong: dict[str, str], status: int, code: str) -> None:
    answer = client.post("/messages", HELLO | wrong, "k1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert not shop.messages


def test_a_body_that_is_no_json_is_refused(shop: Shop, client: Any) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.session.post(f"{shop.url}/messages", data=b"{", headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("mode", "delivered", "lookup"), [("key", 1, 200), ("lookup", 2, 200), ("none", 2, 404)]
)
def test_what_a_shop_does_with_keys(shop: Shop, client: Any, mode: str, delivered: int, lookup: int) -> None:
    client.post("/_control/idempotency", {"mode": mode})
    for _ in range(2):
        client.post("/messages", HELLO, "k1")
    assert len(shop.messages) == delivered
    found = client.get("/messages", key="k1")
    assert found.status_code == lookup
    if lookup == 200:
        assert [row["key"] for row in found.json()["data"]] == ["k1"]
        assert client.get("/messages", key="k2").json() == {"data": []}


def test_notes_are_kept_once_per_key(shop: Shop, client: Any) -> None:
    for _ in range(2):
        client.post("/customers/C000001/notes", {"text": "called"}, "n1")
    assert [(note["buyer_id"], note["text"]) for note in shop.notes] == [("C000001", "called")]
