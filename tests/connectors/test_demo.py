"""The demo connector against the shop it is for, over real HTTP and through the real session."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from typing import Any

import pytest
from crmsync_demo.connector import DemoConnector
from crmsync_demo.settings import DemoSettings
from pydantic import ValidationError

from crmsync.sdk import (
    RECORDS,
    AuthError,
    Context,
    Cursor,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    OutgoingMessage,
    Page,
    PermanentError,
    Rate,
    Recipient,
    RecordError,
    TransientError,
    Unconfirmed,
    checked,
)
from crmsync.testing import FakeClock, Shop

STREAMS = [name for name in RECORDS if name != "attendance"]
"""All that a shop can have, but its agents' roster."""

Connect = Callable[..., DemoConnector]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(seed=3, customers=60, history_days=150, future_days=90) as shop:
        yield shop


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def connect(shop: Shop, clock: FakeClock) -> Iterator[Connect]:
    """Opens a connection to the shop with these settings."""
    opened = []

    def connect(**settings: Any) -> DemoConnector:
        http = partial(HttpSession, connection="demo", clock=clock, pacer=MemoryPacer())
        context = Context("demo", clock, logging.getLogger("test"), http, MemoryTokenStore())
        given = {"base_url": shop.url, "client_secret": "demo-secret", "page_size": 7, **settings}
        opened.append(DemoConnector(DemoSettings.model_validate(given), context))
        return opened[-1]

    yield connect
    for connector in opened:
        connector.http.close()


@pytest.fixture
def demo(connect: Connect) -> DemoConnector:
    return connect()


def walk(connector: DemoConnector, stream: str, since: Cursor | None = None) -> list[Page]:
    return list(getattr(connector, stream)(since or Cursor()))


def ids(pages: list[Page]) -> list[str]:
    return [row["id"] for page in pages for row in page.payloads]


def message(buyer: str = "C000001", text: str = "好久不见") -> OutgoingMessage:
    recipient = Recipient("demo", buyer)
    return OutgoingMessage(1, "win-back", "marketing", recipient, "", text, "zh")


@pytest.mark.parametrize("stream", STREAMS)
def test_every_row_of_every_stream_becomes_a_record(shop: Shop, demo: DemoConnector, stream: str) -> None:
    pages = walk(demo, stream)
    bound = getattr(demo, stream)
    records = [checked(bound.record(payload))[0] for page in pages for payload in page.payloads]
    assert [record.external_id for record in records] == [row["id"] for row in shop.rows(stream)]
    assert [record.updated_at.isoformat(timespec="seconds") for record in records] == [
        row["updated_at"] for row in shop.rows(stream)
    ]
    assert {page.total for page in pages} == {len(records)}


def test_ties_at_page_edges_are_all_seen(shop: Shop, demo: DemoConnector) -> None:
    now = shop.now
    shop.create_orders(20)
    pages = walk(demo, "orders")
    edges = [(a.payloads[-1], b.payloads[0]) for a, b in pairwise(pages)]
    assert any(a["updated_at"] == b["updated_at"] == now.isoformat() for a, b in edges)
    assert sorted(ids(pages)) == sorted(row["id"] for row in shop.rows("orders"))


def test_a_cursor_is_true_once_its_page_is_stored(shop: Shop, demo: DemoConnector) -> None:
    stored: set[str] = set()
    for page in walk(demo, "orders"):
        stored |= {row["id"] for row in page.payloads}
        assert page.cursor.at is not None
        before = [row for row in shop.rows("orders") if parsed(row) < page.cursor.at]
        assert {row["id"] for row in before} <= stored


@pytest.mark.parametrize("token", [True, False])
def test_a_walk_goes_on_from_any_page(shop: Shop, demo: DemoConnector, token: bool) -> None:
    pages = walk(demo, "orders")
    everything = {row["id"] for row in shop.rows("orders")}
    for n in range(0, len(pages), 5):
        cursor = pages[n].cursor if token else replace(pages[n].cursor, token=None)
        rest = ids(walk(demo, "orders", cursor))
        assert {*ids(pages[: n + 1]), *rest} == everything
        if token:
            assert not {*ids(pages[: n + 1])} & {*rest}


def test_the_next_run_reads_what_changed(shop: Shop, demo: DemoConnector) -> None:
    last = walk(demo, "orders")[-1].cursor
    assert last.token is None
    before = {row["id"]: row["updated_at"] for row in shop.rows("orders")}
    shop.advance(timedelta(days=7))
    changed = {row["id"] for row in shop.rows("orders") if before.get(row["id"]) != row["updated_at"]}
    assert changed
    assert (
        changed
        <= {*ids(walk(demo, "orders", last))}
        <= changed | {id for id, at in before.items() if datetime.fromisoformat(at) >= last.at}
    )


def test_an_empty_answer_leaves_the_cursor_where_it_was(shop: Shop, demo: DemoConnector) -> None:
    since = Cursor(at=shop.now + timedelta(days=1))
    [page] = walk(demo, "orders", since)
    assert (page.payloads, page.cursor) == ([], since)


def test_only_changes_before_until_are_read(shop: Shop, demo: DemoConnector) -> None:
    middle = parsed(shop.rows("orders")[50])
    pages = walk(demo, "orders", Cursor(until=middle))
    assert ids(pages) == [row["id"] for row in shop.rows("orders") if parsed(row) < middle]


def test_what_the_words_mean(shop: Shop, demo: DemoConnector) -> None:
    row = next(row for row in shop.rows("orders") if row["status"] == "FINISHED" and len(row["lines"]) == 2)
    order = demo.orders.record(row)
    assert order.status == "completed"
    assert order.total == int(row["payable"].replace(".", ""))
    assert sum(line.total for line in order.lines) + order.shipping == order.total
    assert [line.quantity for line in order.lines] == [line["qty"] for line in row["lines"]]
    assert order.delivered_at == datetime.fromisoformat(row["signed_at"])
    assert order.cancelled_at is None


def test_consent_is_what_the_customer_said(shop: Shop, demo: DemoConnector) -> None:
    said = {}
    for row in shop.rows("customers"):
        customer = demo.customers.record(row)
        said[row["id"]] = {consent.purpose: consent.granted for consent in customer.consents}
        if row["permissions"] is None:
            assert (customer.email, customer.phone, customer.consents) == (None, None, [])
    assert {id for id, consents in said.items() if consents.get("marketing")} == {*shop.truth()["consented"]}
    assert {} in said.values()


@pytest.mark.parametrize(
    ("stream", "change"),
    [
        ("orders", {"status": "TELEPORTED"}),
        ("orders", {"payable": "12,50"}),
        ("refunds", {"cause": "?"}),
        ("reviews", {"stars": "n/a"}),
        ("reviews", {"stars": 6}),
        ("conversations", {"result": "?"}),
        ("customers", {"permissions": {"promo": "maybe", "service": "Y", "asked_at": None}}),
    ],
)
def test_a_word_that_is_unknown_is_refused(
    shop: Shop, demo: DemoConnector, stream: str, change: dict[str, Any]
) -> None:
    row = shop.rows(stream)[1]
    checked(getattr(demo, stream).record(row))
    with pytest.raises(RecordError):
        checked(getattr(demo, stream).record({**row, **change}))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("429", {"retry_after": "2"}),
        ("429", {"retry_after": "0"}),
        ("429", {"retry_after": "-5"}),
        ("429", {"retry_after": "soon"}),
        ("429", {}),
        ("500", {}),
        ("reset", {}),
        ("lost_answer", {}),
        ("truncated", {}),
        ("wrong_json", {}),
        ("error_in_200", {}),
        ("expired_token", {}),
        ("edited_while_paging", {}),
    ],
)
def test_trouble_in_the_middle_loses_nothing(
    shop: Shop, demo: DemoConnector, kind: str, options: dict[str, Any]
) -> None:
    shop.misbehave(kind, skip=2, **options)
    assert {*ids(walk(demo, "orders"))} == {row["id"] for row in shop.rows("orders")}


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("wrong_shape", TransientError),
        ("repeated_page", TransientError),
        ("revoked", AuthError),
        ("redirect_elsewhere", PermanentError),
        ("huge_body", PermanentError),
    ],
)
def test_trouble_that_stays_ends_the_walk_and_the_next_goes_on(
    shop: Shop, demo: DemoConnector, kind: str, error: type[Exception]
) -> None:
    shop.misbehave(kind, times=None, path="/orders", skip=2)
    pages: list[Page] = []
    with pytest.raises(error):
        pages.extend(islice(demo.orders(Cursor()), 20))
    assert len(pages) == 2
    shop.behave()
    rest = walk(demo, "orders", pages[-1].cursor)
    assert ids(pages) + ids(rest) == [row["id"] for row in shop.rows("orders")]


@pytest.mark.parametrize("stream", STREAMS)
def test_a_malformed_record_is_refused_alone(shop: Shop, demo: DemoConnector, stream: str) -> None:
    shop.misbehave("malformed_record", path=f"/{stream}", skip=1)
    refused = 0
    for page in walk(demo, stream):
        for payload in page.payloads:
            try:
                checked(getattr(demo, stream).record(payload))
            except (RecordError, ValueError):
                refused += 1
    assert refused == 1


def test_a_record_without_its_time_at_the_end_of_a_page_ends_the_walk(
    shop: Shop, demo: DemoConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"data": [{"id": "T1"}], "next_cursor": None}
    monkeypatch.setattr(demo.http, "get_json", lambda *_, **__: body)
    with pytest.raises(TransientError, match="when a record changed"):
        walk(demo, "orders")


def test_check_names_the_shop(demo: DemoConnector) -> None:
    shop = demo.check()
    assert (shop.id, shop.currency, shop.zone) == ("S1", "CNY", "Asia/Shanghai")


def test_check_refuses_wrong_credentials(connect: Connect) -> None:
    with pytest.raises(AuthError):
        connect(client_secret="wrong").check()


def test_the_rate_is_kept(connect: Connect, clock: FakeClock) -> None:
    connector = connect(rate="2/s", page_size=250)
    for _ in range(4):
        connector.check()
    assert sum(clock.sleeps) == pytest.approx(1.5, abs=0.1)
    assert connector.rate_limits() == {"default": Rate(2)}


def test_a_repeated_key_is_one_message(shop: Shop, demo: DemoConnector) -> None:
    first, second = (demo.send_message(message(), "k1") for _ in range(2))
    assert [m.text for m in shop.messages] == ["好久不见"]
    assert (first.repeated, second.repeated) == (False, True)
    assert first.reference == second.reference == shop.messages[0].id
    assert first.at == shop.now


def test_a_lost_answer_is_asked_for_again_by_key(shop: Shop, demo: DemoConnector) -> None:
    shop.misbehave("lost_answer", path="/messages")
    assert demo.send_message(message(), "k1").repeated
    assert len(shop.messages) == 1


@pytest.mark.parametrize("mode", ["lookup", "none"])
def test_a_lost_answer_without_keys_is_unconfirmed(shop: Shop, connect: Connect, mode: str) -> None:
    shop.set_idempotency(mode)
    demo = connect(idempotency=mode)
    assert demo.accepts()["send_message"] == mode
    shop.misbehave("lost_answer", path="/messages")
    with pytest.raises(Unconfirmed):
        demo.send_message(message(), "k1")
    assert len(shop.messages) == 1


def test_a_message_is_looked_up_by_its_key(shop: Shop, connect: Connect) -> None:
    shop.set_idempotency("lookup")
    demo = connect(idempotency="lookup")
    assert demo.lookup_message(message(), "k1") is None
    sent = demo.send_message(message(), "k1")
    found = demo.lookup_message(message(), "k1")
    assert found is not None
    assert (found.reference, found.at) == (sent.reference, sent.at)


def test_an_unknown_buyer_is_refused_for_good(shop: Shop, demo: DemoConnector) -> None:
    with pytest.raises(PermanentError):
        demo.send_message(message(buyer="nobody"), "k1")
    assert not shop.messages


def test_a_note_is_put_once(shop: Shop, demo: DemoConnector) -> None:
    for _ in range(2):
        demo.add_note("C000001", "called", "n1")
    assert [note["text"] for note in shop.notes] == ["called"]


def test_everything_is_offered() -> None:
    assert list(DemoConnector.streams()) == STREAMS
    assert DemoConnector.pushes() == {"send_message": "key", "add_note": "key"}


@pytest.mark.parametrize(
    "wrong", [{"base_url": "shop.example"}, {"page_size": 251}, {"idempotency": "maybe"}, {"colour": "red"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    good = {"base_url": "http://127.0.0.1:1/", "client_secret": "s"}
    assert DemoSettings.model_validate(good).base_url == "http://127.0.0.1:1"
    with pytest.raises(ValidationError):
        DemoSettings.model_validate(good | wrong)


def parsed(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["updated_at"])


def test_the_end_of_another_walk_is_not_taken_for_the_whole(shop: Shop, demo: DemoConnector) -> None:
    walk(demo, "orders")
    shop.misbehave("repeated_page", path="/orders")
    with pytest.raises(TransientError, match="ended its list after"):
        walk(demo, "orders")
