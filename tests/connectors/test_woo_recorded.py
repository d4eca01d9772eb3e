"""Responses recorded from a WooCommerce 11.0.1 that ran, read by the connector as they came."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from crmsync_woocommerce.account import guest_account
from crmsync_woocommerce.connector import WooConnector
from crmsync_woocommerce.text import mark, read
from crmsync_woocommerce.walk import MODIFIED
from woo_case import connector, message, pull, sample

from crmsync.sdk import (
    AuthError,
    CrmsyncError,
    Cursor,
    PermanentError,
    RateLimited,
    TransientError,
    checked,
    minor,
)
from crmsync.testing import FakeClock
from crmsync.testing.server import Answer, Request, Server

pytestmark = pytest.mark.shared

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
Replay = Callable[..., WooConnector]


def recorded(shared: Path, name: str) -> Any:
    return json.loads((shared / "samples" / "woocommerce" / f"{name}.json").read_text("utf-8"))


def answer_of(response: dict[str, Any]) -> Answer:
    headers = {
        name: value if isinstance(value, str) else ", ".join(value)
        for name, value in response["headers"].items()
    }
    return Answer(response["status"], json.dumps(response["body"]).encode(), headers)


def page(file: Path) -> Answer:
    """A recording of what is no JSON: the answer as it went over the wire."""
    head, _, body = file.read_text("utf-8").partition("\n\n")
    status, *lines = head.splitlines()
    kept = ("Content-Type", "Retry-After")
    headers = dict(line.split(": ", 1) for line in lines if line.startswith(kept))
    return Answer(int(status.split()[1]), body.encode(), headers)


@pytest.fixture
def replay(shared: Path) -> Iterator[Replay]:
    """Opens a connector to a server that gives these answers by their path, and an empty list else."""
    started: list[tuple[Server, WooConnector]] = []

    def start(answers: dict[str, Answer] | Answer) -> WooConnector:
        def application(request: Request) -> Answer:
            if isinstance(answers, Answer):
                return answers
            path = request.path.removeprefix("/wp-json/").removeprefix("wc/v3/")
            if path in answers and request.query.get("status") != "trash":
                return answers[path]
            return Answer(200, b"[]", {"X-WP-Total": "0", "X-WP-TotalPages": "0"})

        server = Server(application)
        server.start()
        started.append((server, connector(server.url, FakeClock(NOW), page_size=5)))
        return started[-1][1]

    yield start
    for server, woo in started:
        woo.http.close()
        server.stop()


def alone(shared: Path, name: str, **headers: str) -> Answer:
    """A recorded page as if it were the whole list."""
    response = recorded(shared, name)
    count = str(len(response["body"]))
    return answer_of({**response, "headers": {"X-WP-Total": count, "X-WP-TotalPages": "1", **headers}})


def test_a_page_of_orders(shared: Path, replay: Replay) -> None:
    index = answer_of({"status": 200, "headers": {}, "body": sample_index(shared)})
    woo = replay({"": index, "orders": alone(shared, "orders-page")})
    orders = {order.external_id: order for order in pull(woo, "orders")}
    rows = {str(row["id"]): row for row in sample(shared, "orders-page")}
    assert orders.keys() == rows.keys()
    first: Any = orders["215"]
    # The shop's clock said 10:52:13; in UTC that was eight hours earlier.
    assert first.placed_at == datetime(2026, 1, 7, 2, 52, 13, tzinfo=UTC)
    assert first.updated_at == datetime(2026, 1, 10, 2, 52, 13, tzinfo=UTC)
    assert (first.customer_id, first.status, first.currency, first.total) == ("47", "completed", "CNY", 30900)
    assert [(line.product_id, line.quantity, line.price, line.total) for line in first.lines] == [
        ("30", 3, 9900, 29700)
    ]
    guest: Any = orders["216"]
    assert guest.customer_id == guest_account("guest159@example.test", "woo")
    for order in orders.values():
        made: Any = order
        fees = sum(minor(fee["total"], "CNY") for fee in rows[made.external_id]["fee_lines"])
        assert sum(line.total for line in made.lines) + made.shipping + fees == made.total


def sample_index(shared: Path) -> Any:
    return json.loads((shared / "samples" / "woocommerce" / "wp-json-index-head.json").read_text("utf-8"))


def test_the_site_names_itself(shared: Path, replay: Replay) -> None:
    index = answer_of({"status": 200, "headers": {}, "body": sample_index(shared)})
    shop = replay({"": index, "orders": answer_of(recorded(shared, "order-guest"))}).check()
    assert (shop.name, shop.zone, shop.currency) == ("Peer Woo", "Asia/Shanghai", "CNY")


def test_a_guests_order_and_a_refunded_one(shared: Path, replay: Replay) -> None:
    woo = replay({})
    [guest] = sample(shared, "order-guest")
    made = checked(woo.orders.record(guest))[0]
    assert made.customer_id == guest_account("guest397@example.test", "woo")
    assert (made.status, made.total, len(made.lines)) == ("paid", 51310, 3)
    assert [line.product_id for line in made.lines] == ["12", "31", "15"]
    refunded = checked(woo.orders.record(sample(shared, "order-refunded")))[0]
    assert (refunded.status, refunded.total) == ("refunded", 12640)
    [refund] = sample(shared, "order-refunds-list-with-items")
    record = checked(woo.refunds.record({**refund, "order": sample(shared, "order-refunded")}))[0]
    assert (record.order_id, record.line_id, record.product_id) == ("382", "1005", "18")
    assert (record.amount, record.reason) == (12640, "质量问题 – 漏液")
    assert record.requested_at == datetime(2026, 8, 8, 10, 40, 48, tzinfo=UTC)


def test_the_list_of_all_refunds(shared: Path, replay: Replay) -> None:
    rows = sorted(sample(shared, "refunds-global-list"), key=lambda row: (row["date_created_gmt"], row["id"]))
    answer = {"status": 200, "headers": {"X-WP-Total": "5", "X-WP-TotalPages": "1"}, "body": rows}
    orders = [{"id": row["parent_id"], "currency": "CNY", "customer_id": 7, "billing": {}} for row in rows]
    told = {"status": 200, "headers": {"X-WP-Total": "5", "X-WP-TotalPages": "1"}, "body": orders}
    index = answer_of({"status": 200, "headers": {}, "body": sample_index(shared)})
    refunds = pull(replay({"": index, "refunds": answer_of(answer), "orders": answer_of(told)}), "refunds")
    assert [refund.external_id for refund in refunds] == [str(row["id"]) for row in rows]
    assert {refund.currency for refund in refunds} == {"CNY"}  # type: ignore[attr-defined]


def test_customers_products_and_reviews(shared: Path, replay: Replay) -> None:
    answers = {
        "customers": alone(shared, "customers-page"),
        "products": alone(shared, "products-page"),
        "data/currencies/current": Answer(200, b'{"code": "CNY"}'),
    }
    woo = replay(answers)
    customers: Any = pull(woo, "customers")
    assert [(c.external_id, c.name, c.country) for c in customers] == [
        ("5", "静 周", "CN"),
        ("6", "丽 林", "CN"),
        ("7", "强 张", "CN"),
    ]
    assert customers[0].updated_at == datetime(2026, 11, 21, 20, 19, 26, tzinfo=UTC)
    with_order = sorted(sample(shared, "products-page"), key=lambda row: row["id"])
    body = {"status": 200, "headers": {"X-WP-Total": "2", "X-WP-TotalPages": "1"}, "body": with_order}
    products: Any = pull(replay({**answers, "products": answer_of(body)}), "products")
    assert ("13", "蓝牙耳机", 4690, "Uncategorized") in [
        (p.external_id, p.title, p.price, p.category) for p in products
    ]
    for name in ("reviews-page", "products-reviews-hold", "reviews-page-edit-context"):
        for row in sample(shared, name):
            review = checked(woo.reviews.record(row))[0]
            assert "<" not in review.text
            assert review.created_at == datetime.fromisoformat(row["date_created_gmt"]).replace(tzinfo=UTC)
    assert {len(read(row["review"]).splitlines()) for row in sample(shared, "reviews-page")} == {1, 2}


def test_past_the_end_the_shop_counts_nothing(shared: Path, replay: Replay) -> None:
    index = answer_of({"status": 200, "headers": {}, "body": sample_index(shared)})
    past = answer_of(recorded(shared, "orders-page-past-end"))
    assert [page.payloads for page in replay({"": index, "orders": past}).orders(Cursor())] == [[]]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("error-auth-missing", AuthError),
        ("error-auth-unknown-key", AuthError),
        ("error-auth-bad-secret", AuthError),
        ("error-auth-basic-over-plain-http", AuthError),
        ("error-auth-writeonly-key-reads", AuthError),
        ("error-oauth-timestamp", AuthError),
        ("error-404-route", PermanentError),
        ("error-param-date", PermanentError),
        ("error-param-per-page", PermanentError),
        ("error-param-status", PermanentError),
        ("error-refund-too-much", TransientError),
    ],
)
def test_errors_are_what_they_mean(
    shared: Path, replay: Replay, name: str, error: type[CrmsyncError]
) -> None:
    refusing = answer_of(recorded(shared, name))
    with pytest.raises(error):
        pull(replay(refusing), "products")


def test_a_key_that_may_only_read_is_told_so(shared: Path, replay: Replay) -> None:
    answers = {
        "orders": answer_of(recorded(shared, "order-guest")),
        "orders/483": answer_of(recorded(shared, "order-with-variation")),
        "orders/483/notes": answer_of(recorded(shared, "error-auth-readonly-key-writes")),
    }
    with pytest.raises(AuthError, match="Read/Write"):
        replay(answers).add_note(guest_account("guest397@example.test", "woo"), "x", "k")


def test_maintenance_is_waited_for_and_a_database_that_is_down_is_tried_again(
    shared: Path, replay: Replay
) -> None:
    folder = shared / "samples" / "woocommerce"
    woo = replay(page(folder / "error-maintenance-503.txt"))
    with pytest.raises(RateLimited):
        pull(woo, "products")
    assert max(woo.clock.sleeps) == 600  # type: ignore[attr-defined]
    with pytest.raises(TransientError, match="500"):
        pull(replay(page(folder / "error-db-down-500.txt")), "products")


def test_a_note_of_the_recording_is_known_by_its_words(shared: Path, replay: Replay) -> None:
    [note] = sample(shared, "order-notes-list")
    notes = answer_of(recorded(shared, "order-notes-list"))
    woo = replay({"orders/475/notes": notes})
    found = woo.lookup_message(message("7", read(note["note"]), 475), "any key")
    assert found is not None
    assert (found.reference, found.at) == ("1734", datetime(2026, 11, 21, 20, 22, 30, tzinfo=UTC))
    assert mark("any key") not in note["note"]
    assert woo.lookup_message(message("7", "other words", 475), "any key") is None


def test_the_recorded_requests_are_what_is_asked(shared: Path) -> None:
    """The filters that were seen to work are those that the connector sends."""
    path = recorded(shared, "orders-page")["request"]["path"]
    query = dict(parse_qsl(urlsplit(path).query))
    asked = MODIFIED.query(datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC), None)
    assert asked.items() <= query.items()
