from __future__ import annotations

import http.client
from collections import Counter
from typing import Any

import pytest
import requests
from requests.auth import HTTPBasicAuth

from crmsync.testing.ledger import STREAMS
from crmsync.testing.shop import Shop

CLIENT = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": "demo-secret"}


def get(shop: Shop, **options: Any) -> int:
    return requests.get(f"{shop.url}/orders", timeout=5, **options).status_code


def test_key_opens_in_header_and_query(shop: Shop) -> None:
    assert get(shop, headers={"X-Api-Key": "demo-key"}) == 200
    assert get(shop, params={"api_key": "demo-key"}) == 200
    assert get(shop, headers={"X-Api-Key": "wrong"}) == 401
    assert get(shop) == 401


def test_user_and_password_open(shop: Shop) -> None:
    assert get(shop, auth=("demo", "demo-secret")) == 200
    assert get(shop, auth=("demo", "wrong")) == 401


@pytest.mark.parametrize("how", ["form", "json", "basic"])
def test_access_token_opens(shop: Shop, how: str) -> None:
    url = f"{shop.url}/oauth/token"
    if how == "form":
        answer = requests.post(url, data=CLIENT, timeout=5)
    elif how == "json":
        answer = requests.post(url, json=CLIENT, timeout=5)
    else:
        form = {"grant_type": "client_credentials"}
        answer = requests.post(url, data=form, auth=HTTPBasicAuth("demo", "demo-secret"), timeout=5)
    assert answer.json()["expires_in"] == 3600
    assert get(shop, headers={"Authorization": f"Bearer {answer.json()['access_token']}"}) == 200


@pytest.mark.parametrize(
    ("wrong", "status"), [({"client_secret": "no"}, 401), ({"grant_type": "password"}, 400)]
)
def test_token_is_refused(shop: Shop, wrong: dict[str, str], status: int) -> None:
    assert requests.post(f"{shop.url}/oauth/token", data=CLIENT | wrong, timeout=5).status_code == status


def test_token_ends_with_its_lifetime() -> None:
    with Shop(customers=5, history_days=30, future_days=1, token_seconds=0) as shop:
        token = requests.post(f"{shop.url}/oauth/token", data=CLIENT, timeout=5).json()["access_token"]
        assert get(shop, headers={"Authorization": f"Bearer {token}"}) == 401


@pytest.mark.parametrize(
    ("style", "first"),
    [("cursor", {})] + [(s, f) for s in ("next", "link") for f in ({}, {"page": 1}, {"offset": 0})],
)
def test_every_style_of_paging_lists_everything(
    shop: Shop, client: Any, style: str, first: dict[str, int]
) -> None:
    assert client.walk("/orders", style, limit=9, **first) == shop.rows("orders")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_stream_is_listed_in_order(shop: Shop, client: Any, stream: str) -> None:
    rows = client.walk(f"/{stream}", limit=11)
    assert rows == shop.rows(stream)
    order = [(row["updated_at"], row["id"]) for row in rows]
    assert order == sorted(order)


def test_since_is_inclusive_and_before_is_exclusive(shop: Shop, client: Any) -> None:
    rows = shop.rows("orders")
    edge = Counter(row["updated_at"] for row in rows).most_common(1)[0][0]
    since = client.walk("/orders", limit=5, updated_since=edge)
    before = client.walk("/orders", limit=5, updated_before=edge)
    assert since == [row for row in rows if row["updated_at"] >= edge]
    assert before == [row for row in rows if row["updated_at"] < edge]
    assert len(since) + len(before) == len(rows)


def test_total_counts_what_the_filters_let_through(shop: Shop, client: Any) -> None:
    edge = shop.rows("orders")[20]["updated_at"]
    expected = sum(row["updated_at"] >= edge for row in shop.rows("orders"))
    first = client.get("/orders", updated_since=edge, limit=3).json()
    second = client.get("/orders", cursor=first["next_cursor"], limit=3).json()
    assert first["total"] == second["total"] == expected


def test_a_cursor_stays_true_when_a_record_that_was_read_changes(shop: Shop, client: Any) -> None:
    first = client.get("/orders", limit=10).json()
    shop.put("orders", [{"id": first["data"][0]["id"]}])
    second = client.get("/orders", limit=10, cursor=first["next_cursor"]).json()
    expected = [row["id"] for row in shop.rows("orders")][9:19]
    assert [row["id"] for row in second["data"]] == expected


def test_a_page_number_skips_a_record_when_one_that_was_read_changes(shop: Shop, client: Any) -> None:
    before = [row["id"] for row in shop.rows("orders")]
    client.get("/orders", limit=10, page=1)
    shop.put("orders", [{"id": before[0]}])
    second = client.get("/orders", limit=10, page=2).json()
    assert before[10] not in [row["id"] for row in second["data"]]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "251"},
        {"limit": "x"},
        {"page": "0"},
        {"updated_since": "yesterday"},
        {"updated_since": "2026-01-01T00:00:00"},
        {"cursor": "?"},
        {"cursor": "e30"},
    ],
)
def test_a_query_that_makes_no_sense_is_refused(client: Any, query: dict[str, str]) -> None:
    answer = client.get("/orders", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_one_record_and_the_shop(shop: Shop, client: Any) -> None:
    row = shop.rows("orders")[0]
    assert client.get(f"/orders/{row['id']}").json() == row
    assert client.get("/orders/none").status_code == 404
    assert client.get("/shop").json()["timezone"] == "Asia/Shanghai"


def test_connections_are_kept(shop: Shop) -> None:
    connection = http.client.HTTPConnection(shop.url.removeprefix("http://"), timeout=5)
    sockets = set()
    for _ in range(3):
        connection.request("GET", "/products", headers={"X-Api-Key": "demo-key"})
        assert connection.getresponse().read()
        sockets.add(connection.sock)
    connection.close()
    assert len(sockets) == 1
    assert None not in sockets


def test_requests_are_counted(shop: Shop, client: Any) -> None:
    client.get("/orders", limit=5)
    client.get("/nothing")
    assert [(seen.method, seen.path, seen.status) for seen in shop.requests] == [
        ("GET", "/orders", 200),
        ("GET", "/nothing", 404),
    ]
    assert shop.requests[0].query == {"limit": "5"}
    assert shop.requests[0].at <= shop.requests[1].at
