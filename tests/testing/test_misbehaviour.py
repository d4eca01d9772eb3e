from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from crmsync.testing.misbehaviour import KINDS
from crmsync.testing.shop import Shop

HELLO = {"buyer_id": "C000001", "text": "Hello"}


def good(client: Any) -> bool:
    return client.get("/orders").json()["total"] > 0


@pytest.mark.parametrize("value", ["2", "0", "-5", "soon", None])
def test_429_with_any_retry_after(shop: Shop, client: Any, value: str | None) -> None:
    shop.misbehave("429", retry_after=value)
    answer = client.get("/orders")
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == value
    assert good(client)


def test_429_with_a_date(shop: Shop, client: Any) -> None:
    shop.misbehave("429", retry_after="date", seconds=60)
    later = parsedate_to_datetime(client.get("/orders").headers["Retry-After"])
    assert 50 < (later - datetime.now(UTC)).total_seconds() <= 60


def test_500(shop: Shop, client: Any) -> None:
    shop.misbehave("500", times=2)
    assert [client.get("/orders").status_code for _ in range(3)] == [500, 500, 200]


def test_hang(shop: Shop, client: Any) -> None:
    shop.misbehave("hang")
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{shop.url}/orders", timeout=0.1)
    assert good(client)


def test_a_hanging_shop_can_be_stopped(shop: Shop, client: Any) -> None:
    shop.misbehave("hang")
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{shop.url}/orders", timeout=0.1)
    started = time.monotonic()
    shop.stop()
    assert time.monotonic() - started < 2


def test_truncated(shop: Shop, client: Any) -> None:
    shop.misbehave("truncated")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        client.get("/orders")
    assert good(client)


def test_wrong_json(shop: Shop, client: Any) -> None:
    shop.misbehave("wrong_json")
    with pytest.raises(ValueError, match="Expecting"):
        client.get("/orders").json()
    assert good(client)


def test_wrong_shape(shop: Shop, client: Any) -> None:
    shop.misbehave("wrong_shape")
    assert "data" not in client.get("/orders").json()
    assert good(client)


def test_error_in_200(shop: Shop, client: Any) -> None:
    shop.misbehave("error_in_200")
    answer = client.get("/orders")
    assert answer.status_code == 200
    assert answer.json()["error"]["code"] == "busy"
    assert good(client)


def test_repeated_page(shop: Shop, client: Any) -> None:
    first = client.get("/orders", limit=5).json()
    second = client.get("/orders", limit=5, cursor=first["next_cursor"]).json()
    shop.misbehave("repeated_page")
    third = client.get("/orders", limit=5, cursor=second["next_cursor"]).json()
    assert third == second
    assert client.get("/orders", limit=5, cursor=second["next_cursor"]).json()["data"] != second["data"]


def test_edited_while_paging(shop: Shop, client: Any) -> None:
    before = [row["id"] for row in shop.rows("orders")]
    shop.misbehave("edited_while_paging")
    page = client.get("/orders", limit=5).json()
    assert [row["id"] for row in page["data"]] == before[:5]
    after = [row["id"] for row in shop.rows("orders")]
    assert set(after[-2:]) == {before[0], before[5]}
    assert all(row["updated_at"] == shop.now.isoformat() for row in shop.rows("orders")[-2:])


def test_expired_token(shop: Shop) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}

    def fresh() -> dict[str, str]:
        token = requests.post(f"{shop.url}/oauth/token", data=form, timeout=5).json()["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def status(headers: dict[str, str]) -> int:
        return requests.get(f"{shop.url}/orders", headers=headers, timeout=5).status_code

    old = fresh()
    assert status(old) == 200
    shop.misbehave("expired_token")
    assert [status(old), status(old), status(fresh())] == [401, 401, 200]


def test_revoked(shop: Shop, client: Any) -> None:
    shop.misbehave("revoked")
    assert [client.get(path).status_code for path in ("/orders", "/shop", "/reviews")] == [401, 401, 401]
    assert client.post("/oauth/token", {}).status_code == 401
    shop.behave()
    assert good(client)


@pytest.mark.parametrize("stream", ["products", "customers", "orders", "refunds", "reviews", "conversations"])
def test_malformed_record(shop: Shop, client: Any, stream: str) -> None:
    expected = shop.rows(stream)[:9]
    shop.misbehave("malformed_record", path=f"/{stream}")
    rows = client.get(f"/{stream}", limit=9).json()["data"]
    assert [row["id"] for row in rows] == [row["id"] for row in expected]
    broken = [new for new, old in zip(rows, expected, strict=True) if new != old]
    assert len(broken) == 1
    assert "n/a" in broken[0].values()


def test_redirect_elsewhere(shop: Shop, client: Any) -> None:
    shop.misbehave("redirect_elsewhere")
    answer = client.get("/orders")
    assert answer.status_code == 302
    assert not answer.headers["Location"].startswith(shop.url)


def test_huge_body(shop: Shop, client: Any) -> None:
    shop.misbehave("huge_body", megabytes=3)
    answer = client.get("/orders")
    assert len(answer.content) > 3 << 20
    assert json.loads(answer.content)["total"]


def test_slow_drip(shop: Shop) -> None:
    shop.misbehave("slow_drip", path="/products", seconds=0.05)
    host, port = shop.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GET /products HTTP/1.1\r\nHost: x\r\nX-Api-Key: demo-key\r\n\r\n")
        started, read = time.monotonic(), b""
        while time.monotonic() - started < 0.3:
            read += raw.recv(65536)
    assert 16 <= len(read.partition(b"\r\n\r\n")[2]) <= 16 * 8


def test_reset_does_nothing(shop: Shop, client: Any) -> None:
    shop.misbehave("reset", path="/messages")
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.post("/messages", HELLO, "k1")
    assert not shop.messages
    assert [seen.status for seen in shop.requests] == [0]


def test_lost_answer_does_what_was_asked(shop: Shop, client: Any) -> None:
    shop.misbehave("lost_answer", path="/messages")
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.post("/messages", HELLO, "k1")
    assert len(shop.messages) == 1
    assert client.post("/messages", HELLO, "k1").json()["repeated"] is True


def test_only_the_named_path_and_what_is_below(shop: Shop, client: Any) -> None:
    shop.misbehave("500", times=None, path="/orders")
    row = shop.rows("orders")[0]["id"]
    assert [client.get(p).status_code for p in ("/reviews", "/orders", f"/orders/{row}")] == [200, 500, 500]


def test_begins_after_so_many(shop: Shop, client: Any) -> None:
    shop.misbehave("500", skip=2)
    assert [client.get("/orders").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_an_answer_goes_out_in_one_piece(shop: Shop) -> None:
    host, port = shop.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(b"GET /shop HTTP/1.1\r\nHost: x\r\nX-Api-Key: demo-key\r\n\r\n")
        raw.recv(1, socket.MSG_PEEK)
        head, _, body = raw.recv(65536).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert json.loads(body)["currency"] == "CNY"


def test_an_unknown_kind_is_refused(shop: Shop) -> None:
    with pytest.raises(ValueError, match="one of: 429, 500"):
        shop.misbehave("explode")


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"hang", "slow_drip"}))
def test_every_kind_shows(shop: Shop, client: Any, kind: str) -> None:
    """No kind leaves two pages of a client with a token as they would have been."""
    form = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}
    token = client.session.post(f"{shop.url}/oauth/token", data=form).json()["access_token"]
    del client.session.headers["X-Api-Key"]
    client.session.headers["Authorization"] = f"Bearer {token}"

    def pages() -> list[bytes]:
        first = client.get("/orders", limit=5, page=1)
        return [first.content, client.get("/orders", limit=5, page=2).content]

    expected = pages()
    shop.misbehave(kind, seconds=5.5, megabytes=1)
    try:
        seen = pages()
    except requests.RequestException:
        return
    assert seen != expected
