"""The fake shop behaves as WooCommerce was observed to, so that it can catch a connector that does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crmsync_woocommerce.fake import Reply, Rest
from crmsync_woocommerce.fake.markup import filtered, unslashed
from crmsync_woocommerce.fake.shop import Shop
from woo_case import KEYS

AT = datetime(2025, 10, 13, 1, 35, 16, tzinfo=UTC)
FORMS = {
    "naive UTC": "2025-10-13T01:35:15",
    "Z": "2025-10-13T01:35:15Z",
    "offset": "2025-10-13T09:35:15+08:00",
    "naive local": None,
    "fraction": "2025-10-13T01:35:15.000Z",
}
# Whether each form finds exactly what came after it: without `dates_are_gmt`, and with it.
RIGHT = {
    "naive UTC": (False, True),
    "Z": (True, False),
    "offset": (True, False),
    "naive local": (True, False),
    "fraction": (False, False),
}


def ask(rest: Rest, path: str, method: str = "GET", body: bytes = b"", **query: str) -> Reply:
    """A request over https, with the keys in it."""
    return rest(method, f"https://shop.test/wp-json/wc/v3/{path}", {**KEYS, **query}, {}, body)


def rows(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


@pytest.fixture
def shop() -> Shop:
    return Shop(secure=True)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "UTC"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("gmt", [False, True])
def test_what_a_date_filter_compares(zone: str, form: str, gmt: bool) -> None:
    shop = Shop(zone=zone, secure=True)
    hours = range(-14, 15)
    ids = {hour: shop.add_order(modified=AT + timedelta(hours=hour)) for hour in hours}
    value = FORMS[form] or shop.wall(AT).strftime("%Y-%m-%dT%H:%M:15")
    flag = {"dates_are_gmt": "true"} if gmt else {}
    found = rows(ask(Rest(shop), "orders", modified_after=value, per_page="100", **flag))
    exact = {row["id"] for row in found} == {id for hour, id in ids.items() if hour >= 0}
    assert exact is (True if zone == "UTC" else RIGHT[form][gmt])


@pytest.mark.parametrize(
    "value", ["2025-10-13", "1760319316", "yesterday", "2025-10-13T01:35", "", "2025-10-13T09:35:16 08:00"]
)
def test_what_is_no_date(shop: Shop, value: str) -> None:
    reply = ask(Rest(shop), "orders", modified_after=value)
    assert (reply.status, json.loads(reply.body)["code"]) == (400, "rest_invalid_param")


def test_bounds_leave_out_their_own_second(shop: Shop) -> None:
    shop.add_order(modified=AT)
    flag = {"dates_are_gmt": "true"}
    assert rows(ask(Rest(shop), "orders", modified_after="2025-10-13T01:35:16", **flag)) == []
    assert rows(ask(Rest(shop), "orders", modified_before="2025-10-13 01:35:16", **flag)) == []
    assert len(rows(ask(Rest(shop), "orders", modified_after="2025-10-13T01:35:15", **flag))) == 1


@pytest.mark.parametrize(("hpos", "total"), [(True, "0"), (False, "3")])
def test_past_the_last_page(hpos: bool, total: str) -> None:
    shop = Shop(secure=True, hpos=hpos)
    for _ in range(3):
        shop.add_order()
    reply = ask(Rest(shop), "orders", page="5")
    assert (rows(reply), reply.headers["X-WP-Total"]) == ([], total)


@pytest.mark.parametrize(
    ("status", "found"),
    [({}, 1), ({"status": "any,trash"}, 1), ({"status": "trash"}, 1), ({"status": "processing,trash"}, 2)],
)
def test_any_leaves_the_trash_out(shop: Shop, status: dict[str, str], found: int) -> None:
    shop.add_order()
    shop.trash(shop.add_order())
    assert len(rows(ask(Rest(shop), "orders", **status))) == found


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("价格<100元，满减>50", "价格50"),
        ("a < b && c > d", "a <b> d"),
        ("<script>x</script> <b>y</b>", "x <b>y</b>"),
        (
            '<a href="https://shop.example/r?a=1&b=2" onclick="x()">l</a>',
            '<a href="https://shop.example/r?a=1&amp;b=2">l</a>',
        ),
        ("&lt;100 &amp; &copy;", "&lt;100 &amp; &copy;"),
        ("x<!-- crmsync:ab -->", "x<!-- crmsync:ab -->"),
    ],
)
def test_what_becomes_of_markup(stored: str, shown: str) -> None:
    assert filtered(stored) == shown


def test_backslashes_are_eaten() -> None:
    assert unslashed("a\\b \\\\ c") == "ab \\ c"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("error-404-order", {"path": "orders/99999"}),
        ("error-404-route", {"path": "nothing"}),
        ("error-404-customer", {"path": "customers/99999"}),
        ("error-param-date", {"path": "orders", "modified_after": "2026-01-01"}),
        ("error-param-status", {"path": "orders", "status": "shipped"}),
        ("error-auth-bad-secret", {"path": "orders", "consumer_secret": "cs_wrong"}),
        ("error-auth-unknown-key", {"path": "orders", "consumer_key": "ck_wrong"}),
        ("error-note-missing-param", {"path": "orders/11/notes", "method": "POST", "body": b"{}"}),
        ("error-invalid-json", {"path": "orders/11/notes", "method": "POST", "body": b'{"note": bad'}),
    ],
)
def test_errors_are_those_that_were_recorded(
    shared: Path, shop: Shop, name: str, asked: dict[str, Any]
) -> None:
    shop.add_order()
    response = json.loads((shared / "samples" / "woocommerce" / f"{name}.json").read_text("utf-8"))
    reply = ask(Rest(shop), **asked)
    told = json.loads(reply.body)
    assert reply.status == response["status"]
    assert told["code"] == response["body"]["code"]
    if "404-customer" not in name:
        assert told["message"] == response["body"]["message"]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("orders-page", "orders"),
        ("customers-page", "customers"),
        ("products-page", "products"),
        ("reviews-page", "products/reviews"),
        ("refunds-global-list", "refunds"),
    ],
)
def test_rows_have_the_fields_that_were_recorded(shared: Path, shop: Shop, name: str, path: str) -> None:
    product = shop.add_product()
    shop.add_customer()
    shop.refund(shop.add_order(status="completed"))
    shop.add_review(product)
    response = json.loads((shared / "samples" / "woocommerce" / f"{name}.json").read_text("utf-8"))
    [row, *_] = rows(ask(Rest(shop), path))
    for field, value in row.items():
        told = next((r[field] for r in response["body"] if r.get(field) not in (None, [])), None)
        assert field in response["body"][0]
        assert told is None or value in (None, []) or type(value) is type(told), field
