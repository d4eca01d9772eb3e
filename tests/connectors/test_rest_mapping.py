"""What JMESPath brings into records, and what a mistake in the configuration says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError
from rest_case import Api, order, pull, records

from crmsync.sdk import RecordError


def one(
    api: Api, fields: dict[str, Any] | None = None, payload: dict[str, Any] | None = None, **options: Any
) -> Any:
    api.says("/orders", [{**order(1), **(payload or {})}])
    (record,) = records(api.orders(fields=fields, **options))
    return record


def test_a_path_reaches_into_objects(api: Api) -> None:
    assert one(api, {"customer_id": "buyer.id"}, {"buyer": {"id": 7}}).customer_id == "7"


def test_an_expression_chooses_and_falls_back(api: Api) -> None:
    path = "(notes[?kind=='agent'].by | [0]) || owner"
    assert one(api, {"agent_id": path}, {"notes": [{"kind": "agent", "by": "A1"}]}).agent_id == "A1"
    api.server.clear()
    assert one(api, {"agent_id": path}, {"notes": [], "owner": "A2"}).agent_id == "A2"


@pytest.mark.parametrize(
    ("total", "spec", "minor"),
    [
        ("19.90", {}, 1990),
        (19.90, {}, 1990),
        (20, {}, 2000),
        (1990, {"unit": "minor"}, 1990),
        ("1990", {"unit": "minor"}, 1990),
        ("1.019,90", {"decimal": "comma"}, 101990),
    ],
)
def test_amounts(api: Api, total: Any, spec: dict[str, Any], minor: int) -> None:
    assert one(api, {"total": {"path": "total", **spec}}, {"total": total}).total == minor


def test_the_unit_of_all_amounts(api: Api) -> None:
    assert one(api, payload={"total": 5}, unit="minor").total == 5


@pytest.mark.parametrize(
    ("at", "spec"),
    [
        ("2026-03-01T10:00:00+08:00", {}),
        ("2026-03-01T10:00:00", {"zone": "Asia/Shanghai"}),
        (1772330400, {"format": "epoch"}),
        (1772330400000, {"format": "epoch_ms"}),
        ("01/03/2026 02:00", {"format": "%d/%m/%Y %H:%M", "zone": "UTC"}),
    ],
)
def test_times(api: Api, at: Any, spec: dict[str, Any]) -> None:
    record = one(api, {"placed_at": {"path": "at", **spec}}, {"at": at})
    assert record.placed_at == datetime(2026, 3, 1, 2, tzinfo=UTC)


def test_words_numbers_and_truths_are_looked_up(api: Api) -> None:
    for value, status in ((3, "shipped"), (True, "paid"), ("SENT", "delivered")):
        api.server.clear()
        spec = {"path": "state", "values": {3: "shipped", True: "paid", "SENT": "delivered"}}
        assert one(api, {"status": spec}, {"state": value}).status == status


def test_lines_with_what_they_lack(api: Api) -> None:
    lines = [{"sku": "A", "unit": "2.00", "n": 3, "paid": "5.00"}, {"sku": "B", "paid": "4.00", "n": 2}]
    block = {"path": "items", "fields": {"product_id": "sku", "quantity": "n", "total": "paid"}}
    first, second = one(api, payload={"items": lines}, lines=block).lines
    assert (first.line_id, first.price, first.total, first.quantity) == ("1", 167, 500, 3)
    assert (second.line_id, second.price, second.total) == ("2", 200, 400)


def test_an_identity_of_several_values(api: Api) -> None:
    assert one(api, identity=["id", "total"], separator="-").external_id == "1-1.00"


def test_consents_from_a_list(api: Api) -> None:
    said = [{"to": "email", "ok": True}, {"to": "sms", "ok": False}, {"to": "phone", "ok": None}]
    api.says("/people", [{"id": "c", "consents": said}])
    consent = {"medium": "to", "purpose": {"constant": "marketing"}, "granted": "ok"}
    people = {"path": "people", "fields": {}, "consents": [{"path": "consents", "fields": consent}]}
    (customer,) = records(api.open(endpoints={"customers": people}), "customers")
    assert [(c.medium, c.granted) for c in customer.consents] == [("email", True), ("sms", False)]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"total": None}, "total: 'total' is empty."),
        ({"total": "?"}, "total: '?' is not an amount of money."),
        ({"at": 5}, "placed_at: 5 is not an ISO 8601 time."),
        ({"id": None}, "identity: a part of the identity is empty."),
        ({"id": {}}, "identity: dict is not text."),
    ],
)
def test_a_bad_record_is_rejected_by_field(api: Api, payload: dict[str, Any], why: str) -> None:
    api.says("/orders", [{**order(1), **payload}])
    connector = api.orders()
    (page,) = pull(connector)
    with pytest.raises(RecordError) as caught:
        connector.orders.record(page.payloads[0])
    assert str(caught.value) == why


def test_a_record_that_is_no_object_is_rejected(api: Api) -> None:
    with pytest.raises(RecordError, match="no JSON object"):
        api.orders().orders.record("text")


@pytest.mark.parametrize(
    ("settings", "place", "why"),
    [
        ({"base_url": "shop.example"}, ("base_url",), "begins with https"),
        ({"auth": {"kind": "magic"}}, ("auth",), "'basic', 'bearer', 'header', 'query', 'oauth2'"),
        ({"headers": {"X-Api-Key": "k"}}, ("headers",), "`auth` is where those are kept safe"),
        ({"rate_limit": "fast"}, ("rate_limit",), "2/s"),
        ({"errors": [{"when": "a["}]}, ("errors", 0, "when"), "no JMESPath expression"),
        ({"messages": {"path": "/m", "body": {"t": "{txt}"}}}, ("messages", "body"), "there is no {txt}"),
        (
            {"messages": {"path": "/m", "body": {}, "idempotency": "key"}},
            ("messages",),
            "needs `key_header`",
        ),
        ({"messages": {"path": "/m", "body": {}, "idempotency": "lookup"}}, ("messages",), "needs `lookup`"),
        ({"endpoints": {"orderz": {}}}, ("endpoints", "orderz"), "not permitted"),
    ],
)
def test_a_mistake_in_the_configuration_is_told_at_its_place(
    api: Api, settings: dict[str, Any], place: tuple[Any, ...], why: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        api.open(**settings)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert why in error["msg"]


def test_sorted_needs_the_time_it_is_sorted_by(api: Api) -> None:
    with pytest.raises(ValidationError, match="`sorted` needs `incremental`"):
        api.orders(sorted=True, incremental={"param": "since"})


def test_only_configured_streams_are_offered(api: Api) -> None:
    assert list(api.orders().offers()) == ["orders"]
