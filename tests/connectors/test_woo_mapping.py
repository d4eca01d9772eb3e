"""What a WooCommerce row means, also where a plugin or PHP has left its mark on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from crmsync_woocommerce.account import account_of
from crmsync_woocommerce.fake import show
from crmsync_woocommerce.fake.shop import START, Shop
from crmsync_woocommerce.mapping import Mapper
from crmsync_woocommerce.settings import WooSettings
from crmsync_woocommerce.text import read
from woo_case import KEYS

from crmsync.sdk import RecordError, checked

SHOP = Shop(zone="America/New_York")


def mapper(**settings: Any) -> Mapper:
    return Mapper(WooSettings.model_validate({"base_url": "https://shop.test", **KEYS, **settings}), "woo")


def row(**fields: Any) -> dict[str, Any]:
    return show.order(SHOP, SHOP.orders[SHOP.add_order(**fields)])


def order(row: dict[str, Any], **settings: Any) -> Any:
    return checked(mapper(**settings).order(row))[0]


def test_an_order_with_its_lines() -> None:
    placed = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York, which an hour later it was again
    given = row(created=placed, paid=placed + timedelta(hours=1), product_id=12, tax=Decimal("3.10"))
    assert given["date_created"] == given["date_paid"] == "2026-11-01T01:30:00"
    made = order(given)
    assert (made.placed_at, made.paid_at) == (placed, placed + timedelta(hours=1))
    assert (made.status, made.currency, made.total, made.shipping, made.tax) == (
        "paid",
        "CNY",
        11490,
        1200,
        310,
    )
    [line] = made.lines
    assert (line.product_id, line.quantity, line.price, line.total) == ("12", 2, 5145, 10290)
    assert line.total + made.shipping == made.total


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("pending", "pending"),
        ("on-hold", "pending"),
        ("checkout-draft", "pending"),
        ("processing", "paid"),
        ("completed", "completed"),
        ("cancelled", "cancelled"),
        ("failed", "cancelled"),
        ("trash", "cancelled"),
    ],
)
def test_statuses(word: str, means: str) -> None:
    assert order(row(status=word)).status == means


def test_a_status_of_a_plugin_waits_until_it_is_told() -> None:
    given = row(status="lay-away")
    with pytest.raises(RecordError, match=r"status: the status 'lay-away' is not known\. Say what it means"):
        order(given)
    assert order(given, statuses={"wc-Lay-Away": "pending"}).status == "pending"


@pytest.mark.parametrize(("completed", "means"), [(START, "completed"), (None, "paid")])
def test_refunded_without_a_refund_is_not_refunded(completed: Any, means: str) -> None:
    given = row(status="refunded", completed=completed)
    assert order(given).status == means
    assert order({**given, "refunds": [{"id": 1, "total": "-1.00"}]}).status == "refunded"
    del given["refunds"]
    assert order(given).status == "refunded"


@pytest.mark.parametrize(
    ("currency", "total", "minor"),
    [
        ("JPY", "774", 774),
        ("JPY", "774.00", 774),
        ("KWD", "1.234", 1234),
        ("EUR", 12, 1200),
        ("EUR", "0.00", 0),
    ],
)
def test_money_has_the_decimals_of_its_currency(currency: str, total: Any, minor: int) -> None:
    assert order({**row(), "currency": currency, "total": total}).total == minor


@pytest.mark.parametrize("total", ["", None, "12,50", "free", {"raw": 1}])
def test_what_is_no_amount_is_refused_without_quoting_it(total: Any) -> None:
    with pytest.raises(RecordError) as refused:
        order({**row(), "total": total})
    assert str(refused.value) == "total: it is not an amount of money."


def test_what_plugins_and_php_do_to_a_row() -> None:
    given = row(customer_id=0, email="a@b.test")
    [line] = given["line_items"]
    given |= {
        "id": str(given["id"]),
        "customer_id": "",
        "discount_total": "",
        "shipping_tax": None,
        "date_paid_gmt": "",
        "date_completed_gmt": "0000-00-00T00:00:00",
        "date_created_gmt": given["date_created_gmt"] + "Z",
        "shipping": [],
        "line_items": {
            "0": {**line, "quantity": "2", "product_id": 0},
            "2": {**line, "id": 9, "quantity": "0.5", "product_id": "7"},
        },
        "plugin_field": {"anything": [1]},
    }
    made = order(given)
    assert (made.discount, made.paid_at, made.placed_at) == (0, None, START)
    assert [(line.product_id, line.quantity) for line in made.lines] == [(None, 2), ("7", 1)]


@pytest.mark.parametrize(
    "change",
    [
        {"billing": "malformed"},
        {"billing": {"email": ["x"]}},
        {"customer_id": "7; DROP"},
        {"customer_id": True},
        {"line_items": "malformed"},
        {"line_items": [7]},
        {"date_created_gmt": None},
        {"date_created_gmt": "yesterday"},
        {"date_modified_gmt": 12},
        {"currency": ""},
        {"status": None},
        {"id": None},
    ],
)
def test_a_row_that_cannot_be_understood_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        order({**row(), **change})


def test_a_guest_is_one_account_and_not_an_address() -> None:
    one, again = (account_of(row(email=email), "woo") for email in ("Li@Example.test ", "li@example.test"))
    assert one == again
    assert one.startswith("guest-")
    assert "example" not in one
    assert account_of(row(email="li@example.test"), "other") != one
    assert account_of(row(email="lee@example.test"), "woo") != one
    by_phone = account_of(row(email="", phone="138 0000-0001"), "woo")
    assert by_phone == account_of(row(email="", phone="13800000001"), "woo")
    nobody = row(email="", phone="")
    assert account_of(nobody, "woo") != account_of(row(email="", phone=""), "woo")
    assert account_of(nobody, "woo") == order(nobody).customer_id


def test_a_registered_customer() -> None:
    entry = SHOP.customers[SHOP.add_customer()]
    made = checked(mapper().customer(show.customer(SHOP, entry)))[0]
    assert (made.external_id, made.name, made.email) == (str(entry["id"]), "静 周", entry["email"])
    assert (made.country, made.region, made.city, made.phone) == ("CN", "CN19", "广州", entry["phone"])
    assert (made.email_verified, made.consents, made.registered_at) == (False, [], START)


def test_a_guest_is_told_by_the_order() -> None:
    given = row(email="li@example.test", first_name="Li", last_name="Na", created=START - timedelta(days=9))
    made = checked(mapper().customer({"guest_of": given}))[0]
    assert (made.external_id, made.name, made.email) == (account_of(given, "woo"), "Li Na", "li@example.test")
    assert made.updated_at == START - timedelta(days=9)


@pytest.mark.parametrize(
    ("role", "bought", "kept"),
    [
        ("customer", False, True),
        ("wholesale", False, True),
        ("administrator", False, False),
        ("shop_manager", True, True),
    ],
)
def test_staff_who_never_bought_are_no_customers(role: str, bought: bool, kept: bool) -> None:
    shown = show.customer(SHOP, SHOP.customers[SHOP.add_customer(role=role)])
    assert (mapper().customer({**shown, "is_paying_customer": bought}) is not None) is kept


@pytest.mark.parametrize(("value", "granted"), [("yes", True), (1, True), ("No", False), (0, False)])
def test_consent_is_where_a_plugin_keeps_it(value: Any, granted: bool) -> None:
    settings = {"consents": [{"meta": "_optin", "medium": "email"}]}
    shown = show.customer(SHOP, SHOP.customers[SHOP.add_customer(meta={"_optin": value, "_else": "yes"})])
    [consent] = checked(mapper(**settings).customer(shown))[0].consents
    assert (consent.medium, consent.purpose, consent.granted) == ("email", "marketing", granted)
    [consent] = mapper(**settings).customer({"guest_of": row(meta={"_optin": value})}).consents
    assert consent.granted is granted


def test_what_was_not_said_is_no_consent_and_what_is_not_understood_is_refused() -> None:
    settings = {"consents": [{"meta": "_optin"}]}
    for meta in ({}, {"_optin": ""}):
        shown = show.customer(SHOP, SHOP.customers[SHOP.add_customer(meta=meta)])
        assert mapper(**settings).customer(shown).consents == []
    shown["meta_data"] = [{"key": "_optin", "value": "2026-01-01"}]
    with pytest.raises(RecordError, match="_optin"):
        mapper(**settings).customer(shown)


def test_a_refund_names_the_line_it_is_about() -> None:
    id = SHOP.add_order(status="completed", product_id=12)
    refund = SHOP.refunds[SHOP.refund(id, Decimal("5.00"))]
    given = {**show.refund(SHOP, refund, with_parent=True), "order": show.order(SHOP, SHOP.orders[id])}
    made = checked(mapper().refund(given))[0]
    assert (made.order_id, made.line_id, made.product_id) == (str(id), str(id * 10), "12")
    assert (made.amount, made.currency, made.status) == (500, "CNY", "completed")
    assert made.customer_id == account_of(show.order(SHOP, SHOP.orders[id]), "woo")
    with pytest.raises(RecordError, match="the order of this refund"):
        mapper().refund({**given, "order": None})
    whole = checked(mapper().refund({**given, "line_items": []}))[0]
    assert (whole.line_id, whole.product_id) == (None, None)


@pytest.mark.parametrize(
    ("prices", "currency", "minor"),
    [
        ({"regular_price": "49.90", "price": "39.90"}, "CNY", 4990),
        ({"regular_price": "", "price": "99.00"}, "CNY", 9900),
        ({"regular_price": "", "price": ""}, "CNY", None),
        ({"regular_price": "49.90"}, None, None),
    ],
)
def test_a_product(prices: dict[str, str], currency: str | None, minor: int | None) -> None:
    shown = show.product(SHOP, SHOP.products[SHOP.add_product(name="Tee &amp; Co")])
    made = checked(mapper().product({**shown, **prices, "currency": currency}))[0]
    assert (made.title, made.category, made.price) == ("Tee & Co", "Uncategorized", minor)
    assert (
        mapper().product({**shown, "currency": "CNY", "categories": [], "date_created_gmt": None}).category
        is None
    )


@pytest.mark.parametrize(("rating", "score"), [(5, 5), ("4", 4), (0, None), (None, None), ("", None)])
def test_a_review(rating: Any, score: float | None) -> None:
    shown = show.review(SHOP, SHOP.reviews[SHOP.add_review(7, text="好<br />\n<b>坏</b> &lt;3")])
    made = checked(mapper().review({**shown, "rating": rating}))[0]
    assert (made.score, made.text, made.product_id, made.customer_id) == (score, "好\n坏 <3", "7", None)


@pytest.mark.parametrize("rating", [6, "good", {"raw": 1}])
def test_stars_beyond_the_scale_are_refused(rating: Any) -> None:
    shown = show.review(SHOP, SHOP.reviews[SHOP.add_review(7)])
    with pytest.raises(RecordError):
        checked(mapper().review({**shown, "rating": rating}))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>一</p>\n<p>二</p>\n", "一\n二"),
        ("a<script>alert(1)</script>b", "ab"),
        ("plain", "plain"),
        ("", ""),
        ("1 &lt; 2 &amp;&amp; 3", "1 < 2 && 3"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
    ],
)
def test_what_a_person_reads_of_html(html: str, text: str) -> None:
    assert read(html) == text
