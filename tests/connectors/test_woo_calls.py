"""Keys, errors and what stands between a shop and its API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from crmsync_woocommerce.account import guest_account
from crmsync_woocommerce.fake import Reply, Rest
from crmsync_woocommerce.fake.shop import Shop, stocked
from crmsync_woocommerce.settings import WooSettings
from crmsync_woocommerce.site import zone_of
from pydantic import ValidationError
from woo_case import KEYS, STREAMS, Case, connector, pull

from crmsync.sdk import AuthError, Cursor, PermanentError, TransientError
from crmsync.testing import FakeClock


@pytest.fixture
def case() -> Iterator[Case]:
    with Case(stocked(Shop(zone="America/New_York", currency="USD"))) as case:
        yield case


def test_check_names_the_shop(case: Case) -> None:
    shop = case.woo.check()
    assert (shop.name, shop.currency, shop.zone) == ("Peer Woo", "USD", "America/New_York")
    assert shop.id == "https://shop.test"


def test_an_empty_shop_still_tells_its_currency() -> None:
    with Case(Shop(currency="JPY", decimals=0)) as case:
        assert case.woo.check().currency == "JPY"
        assert [page.payloads for page in case.woo.orders(Cursor())] == [[]]


@pytest.mark.parametrize(
    ("index", "zone"),
    [
        ({"timezone_string": "Asia/Shanghai", "gmt_offset": 8}, "Asia/Shanghai"),
        ({"timezone_string": "", "gmt_offset": 8}, "Etc/GMT-8"),
        ({"timezone_string": "", "gmt_offset": "-5"}, "Etc/GMT+5"),
        ({"timezone_string": "", "gmt_offset": 0}, "UTC"),
        ({"timezone_string": "", "gmt_offset": 5.5}, None),
        ({"timezone_string": "Mars/Olympus", "gmt_offset": "?"}, None),
    ],
)
def test_a_zone_may_be_a_bare_offset(index: dict[str, Any], zone: str | None) -> None:
    assert zone_of(index) == zone


@pytest.mark.parametrize("wrong", [{"consumer_key": "ck_other"}, {"consumer_secret": "cs_other"}])
def test_wrong_keys_are_told_with_what_else_it_may_be(case: Case, wrong: dict[str, str]) -> None:
    with pytest.raises(AuthError, match="X-Forwarded-Proto"):
        case.open(**wrong).check()


def test_a_clock_that_is_off_is_refused(case: Case) -> None:
    case.clock.advance(timedelta(minutes=16))
    with pytest.raises(AuthError, match="15 minutes"):
        case.woo.check()


@pytest.mark.parametrize("keys_in", ["header", "query"])
def test_over_https_the_keys_go_as_they_are(keys_in: str) -> None:
    shop = stocked(Shop(secure=True), orders=6)
    rest = Rest(shop)

    def answer(request: Any) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        wanted = keys_in == "header" and url.path != "/wp-json/"
        assert wanted == ("authorization" in headers)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        reply = rest(request.method, f"https://shop.test{url.path}", query, headers, b"")
        return reply.status, reply.headers, reply.body

    with responses.RequestsMock() as mock:
        mock.add_callback("GET", "https://shop.test/wp-json/", answer)
        mock.add_callback("GET", "https://shop.test/wp-json/wc/v3/orders", answer)
        woo = connector("https://shop.test", FakeClock(shop.now), keys_in=keys_in)
        assert woo.check().currency == "CNY"
        assert len(pull(woo, "orders")) == 6
        shop.secret = "cs_new"
        with pytest.raises(AuthError) as refused:
            woo.check()
        assert KEYS["consumer_secret"] not in str(refused.value)
        woo.http.close()


@pytest.mark.parametrize("stream", STREAMS)
def test_plain_permalinks(case: Case, stream: str) -> None:
    expected = pull(case.woo, stream)
    case.rest.plain_permalinks = True
    with pytest.raises(PermanentError):
        case.woo.check()
    woo = case.open(plain_permalinks=True)
    assert woo.check().name == "Peer Woo"
    assert pull(woo, stream) == expected


def test_with_plain_permalinks_the_url_holds_what_woocommerce_looks_for() -> None:
    with responses.RequestsMock() as mock:
        mock.add("GET", "https://shop.test/", json=[])
        woo = connector("https://shop.test", FakeClock(), plain_permalinks=True, hidden_statuses=[])
        list(woo.products(Cursor()))
        woo.http.close()
        [*_, call] = mock.calls
        assert "wp-json/wc/" in str(call.request.url)
        assert "rest_route=/wc/v3/products" in str(call.request.url)


NOTICE = b"<br />\n<b>Warning</b>:  Undefined array key [0] in {a.php} on line <b>7</b><br />\n"


@pytest.mark.parametrize(
    ("before", "behind"),
    [(NOTICE, b""), (b"", NOTICE), (NOTICE, NOTICE), (b"\xef\xbb\xbf", b""), (b"\n\n", b"\n<!-- cached -->")],
)
def test_php_notices_around_the_json_are_read_past(case: Case, before: bytes, behind: bytes) -> None:
    expected = pull(case.woo, "orders")
    case.rest.before, case.rest.behind = before, behind
    assert pull(case.woo, "orders") == expected
    account = expected[-1].customer_id  # type: ignore[attr-defined]
    assert case.woo.add_note(account, "x", "k").reference in map(str, case.shop.notes)


def test_a_page_that_is_no_json_is_no_answer(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case.rest, "_list", lambda *_: _page(b"<!DOCTYPE html><title>Log in</title>"))
    with pytest.raises(TransientError, match="no JSON"):
        pull(case.woo, "orders")


@pytest.mark.parametrize("body", [b"{}", b'{"surprise": []}', b"[1, 2]", b'"text"', b"null"])
def test_what_is_no_list_is_no_empty_list(case: Case, monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    monkeypatch.setattr(case.rest, "_list", lambda *_: _page(body))
    for stream in STREAMS:
        with pytest.raises(TransientError, match="not a list of records"):
            pull(case.woo, stream)


def _page(body: bytes) -> Reply:
    return Reply(200, body, {"Content-Type": "text/html"})


def test_a_list_that_a_plugin_made_an_object_of(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    expected, write = pull(case.woo, "orders"), case.rest._list

    def numbered(*arguments: Any) -> Any:
        reply = write(*arguments)
        rows = json.loads(reply.body)
        reply.body = json.dumps({str(2 * n): row for n, row in enumerate(rows)} or []).encode()
        return reply

    monkeypatch.setattr(case.rest, "_list", numbered)
    assert pull(case.woo, "orders") == expected


def test_a_site_without_woocommerce_is_told(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case.rest, "_index", lambda: {"name": "Blog", "namespaces": ["wp/v2"]})
    with pytest.raises(PermanentError, match="no wc/v3"):
        case.woo.check()


@pytest.mark.parametrize("hpos", [True, False], ids=["tables", "posts"])
def test_refunds_are_the_same_where_the_shop_lists_them_and_where_it_does_not(hpos: bool) -> None:
    made = []
    for version in ((11, 0), (8, 2)):
        with Case(stocked(Shop(version=version, hpos=hpos))) as case:
            # Before 9.0 they are found by their orders, and those in the trash are in no list.
            for id in [id for id, order in case.shop.orders.items() if order["status"] == "trash"]:
                case.shop.touch(id, status="packed")
            made.append({refund.external_id: refund for refund in pull(case.open(page_size=5), "refunds")})
            assert ("GET", "wc/v3/refunds") in {call[:2] for call in case.rest.calls}
    assert made[0] == made[1]
    assert len(made[0]) == 12


@pytest.mark.parametrize("version", [(11, 0), (8, 2)], ids=["11.0", "8.2"])
def test_the_next_run_sees_the_refunds_made_since(version: tuple[int, int]) -> None:
    with Case(stocked(Shop(version=version))) as case:
        *_, last = case.woo.refunds(Cursor())
        order = next(id for id, entry in case.shop.orders.items() if entry["status"] == "completed")
        new = str(case.shop.refund(order, Decimal("1.00")))
        made = pull(case.woo, "refunds", last.cursor)
        assert new in {refund.external_id for refund in made}
        assert len(made) < len(case.shop.refunds)


def test_a_refund_of_an_order_in_the_trash_is_known(case: Case) -> None:
    order = next(iter(case.shop.refunds.values()))["order"]
    case.shop.trash(order)
    assert order in {int(refund.order_id) for refund in pull(case.woo, "refunds")}  # type: ignore[attr-defined]


def test_a_review_belongs_to_whom_the_shop_has_seen_buy() -> None:
    shop = Shop()
    product = shop.add_product()
    buyer = shop.add_customer(email="Buyer@Example.test", role="wholesale")
    fields = [
        {"email": "buyer@example.test", "verified": True},
        {"email": "buyer@example.test", "verified": False},
        {"email": "Guest@Example.test", "verified": True},
        {"email": "not an address", "verified": True},
        {"email": "", "verified": True},
    ]
    for given in fields:
        shop.add_review(product, **given)
    shop.add_review(product, status="spam")
    with Case(shop) as case:
        owners = [review.customer_id for review in pull(case.woo, "reviews")]  # type: ignore[attr-defined]
        assert owners == [str(buyer), None, guest_account("guest@example.test", "woo"), None, None]
        asked = [query["email"] for _, path, query in case.rest.calls if path.endswith("customers")]
        assert len(asked) == 3


def test_a_guest_who_came_often_is_one_customer_with_the_latest_address() -> None:
    shop = Shop()
    for number, name in enumerate(("Li", "Lili", "Lina")):
        shop.now += timedelta(days=1)
        shop.add_order(email="Li@example.test" if number else "li@Example.test", first_name=name)
    shop.add_order(email="else@example.test")
    with Case(shop) as case:
        guests = pull(case.woo, "customers")
        assert len(guests) == 2
        names = {guest.external_id: guest.name for guest in guests}  # type: ignore[attr-defined]
        assert names[guest_account("li@example.test", "woo")] == "Lina G13"
        orders = {order.customer_id for order in pull(case.woo, "orders")}  # type: ignore[attr-defined]
        assert orders == names.keys()


def test_the_next_run_asks_for_the_guests_of_orders_that_changed() -> None:
    shop = Shop()
    for _ in range(30):
        shop.add_order(created=shop.now - timedelta(days=2))
    with Case(shop) as case:
        *_, last = case.woo.customers(Cursor())
        shop.touch(20, phone="999")
        again = pull(
            case.woo, "customers", Cursor(at=last.cursor.at and last.cursor.at + timedelta(minutes=1))
        )
        assert [guest.phone for guest in again] == ["999"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"base_url": "http://shop.example.com"}, "use https"),
        ({"base_url": "shop.example.com"}, "begins with https"),
        ({"base_url": "https://shop.example.com/wp-json/wc/v3"}, "without /wp-json"),
        ({"base_url": "https://shop.example.com/?a=1"}, "without"),
        ({"page_size": 101}, "less than or equal to 100"),
        ({"page_size": 1}, "greater than or equal to 2"),
        ({"statuses": {"shipped": "sent"}}, "shipped"),
        ({"coupons": {"x": {"kind": "free", "amount": 1}}}, "percent"),
        ({"coupons": {"x": {"kind": "percent", "amount": 0}}}, "greater than 0"),
        ({"coupon_prefix": "Care"}, "pattern"),
        ({"colour": "red"}, "not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any], why: str) -> None:
    good = {"base_url": "https://shop.example.com/store/", **KEYS}
    assert WooSettings.model_validate(good).base_url == "https://shop.example.com/store"
    with pytest.raises(ValidationError, match=why):
        WooSettings.model_validate(good | wrong)


@pytest.mark.parametrize("base_url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:81"])
def test_on_this_machine_plain_http_will_do(base_url: str) -> None:
    assert WooSettings.model_validate({"base_url": base_url, **KEYS}).base_url == base_url
