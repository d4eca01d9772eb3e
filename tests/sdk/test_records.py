from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from crmsync.sdk import RECORDS, Consent, Customer, Order, OrderLine, RecordError, Review, checked

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def an_order(**changes: Any) -> Order:
    line = OrderLine(line_id="1", price=1, total=1)
    whole = {
        "external_id": "o1",
        "status": "paid",
        "currency": "CNY",
        "total": 1,
        "placed_at": NOW,
        "lines": [line],
        **changes,
    }
    return Order(**whole)


def test_a_good_record_passes_as_it_is() -> None:
    record, content = checked(an_order())
    assert record == an_order()
    assert msgspec.json.decode(content)["external_id"] == "o1"


def test_lines_may_be_plain_mappings() -> None:
    record, _ = checked(an_order(lines=[{"line_id": "1", "price": 1, "total": 1}]))
    assert record == an_order()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", ""),
        ("external_id", 7.0),
        ("external_id", True),
        ("external_id", Decimal("7.0")),
        ("external_id", None),
        ("external_id", 10**200),
        ("external_id", "x" * 201),
        ("customer_id", 7.0),
        ("customer_id", False),
        ("status", "lost"),
        ("currency", "yuan"),
        ("total", 1.5),
        ("total", "1"),
        ("total", True),
        ("total", Decimal("1.00")),
        ("total", 2**53 + 1),
        ("placed_at", datetime(2026, 3, 1)),
        ("placed_at", "2026-03-01"),
        ("lines", None),
        ("lines", 7),
        ("lines", [7]),
        ("lines", [{"line_id": 1.0, "price": 1, "total": 1}]),
        ("lines", [{"line_id": True, "price": 1, "total": 1}]),
        ("lines", [{"line_id": "1", "price": 1}]),
        ("lines", [{"line_id": "1", "price": 1, "total": 1, "colour": "red"}]),
    ],
)
def test_each_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(RecordError) as refused:
        checked(an_order(**{field: value}))
    assert refused.value.field.startswith(field)


def test_ids_may_be_given_as_whole_numbers() -> None:
    def order(id: Callable[[int], Any], line: Callable[..., Any]) -> Order:
        lines = [line(line_id=id(0), product_id=id(2**70), seller_id=None, price=1, total=1)]
        return an_order(external_id=id(7), customer_id=id(-9), agent_id=None, lines=lines)

    written = checked(order(str, OrderLine))
    assert written[0].lines[0].product_id == str(2**70)
    assert checked(order(int, OrderLine)) == written
    assert checked(order(int, dict))[0] == written[0]


@pytest.mark.parametrize("line", [OrderLine, dict])
def test_ids_of_lines_alone_may_be_whole_numbers(line: Callable[..., Any]) -> None:
    numbered = an_order(lines=[line(line_id=1, price=1, total=1)])
    assert checked(numbered)[0] == an_order()


REQUIRED = {
    "external_id": "x",
    "title": "Mug",
    "status": "completed",
    "currency": "CNY",
    "total": 1,
    "amount": 1,
    "order_id": "o1",
    "agent_id": "a1",
    "attended": True,
    **dict.fromkeys(("placed_at", "requested_at", "created_at", "started_at", "day"), NOW),
}


@pytest.mark.parametrize("kind", [*RECORDS.values(), OrderLine])
def test_a_number_is_an_id_wherever_an_id_stands_and_no_other_text(kind: type[msgspec.Struct]) -> None:
    required = {f.name: REQUIRED.get(f.name, 1) for f in msgspec.structs.fields(kind) if f.required}
    accepted, refused = set(), set()
    for field in msgspec.structs.fields(kind):
        changed = {**required, field.name: 7}
        record = an_order(lines=[changed]) if kind is OrderLine else kind(**changed)
        try:
            whole, _ = checked(record)  # type: ignore[type-var]
        except RecordError:
            refused.add(field.name)
        else:
            part = whole.lines[0] if kind is OrderLine else whole  # type: ignore[attr-defined]
            if getattr(part, field.name) == "7":
                accepted.add(field.name)
    assert accepted == {f.name for f in msgspec.structs.fields(kind) if f.name.endswith("_id")}
    assert {"title", "name", "text", "language"} & {f.name for f in msgspec.structs.fields(kind)} <= refused


def test_what_is_text_already_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("crmsync.sdk.records._with_ids_as_text")
    checked(an_order())


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"], ids=["nul", "nul inside", "half a pair"])
def test_text_no_database_keeps(text: str) -> None:
    with pytest.raises(RecordError):
        checked(Review(external_id="r", created_at=NOW, text=text))


@pytest.mark.parametrize("text", ["\\u0000", "\\x00", "🙂", "\u202e", "质量很好"])
def test_text_that_every_database_keeps(text: str) -> None:
    assert checked(Review(external_id="r", created_at=NOW, text=text))[0].text == text


@pytest.mark.parametrize("score", [0.9, 5.1, "5"])
def test_stars_are_from_one_to_five(score: Any) -> None:
    with pytest.raises(RecordError):
        checked(Review(external_id="r", created_at=NOW, score=score))


@pytest.mark.parametrize("score", [4, 4.0, Decimal("4.0")])
def test_stars_are_a_number_of_any_kind(score: Any) -> None:
    assert checked(Review(external_id="r", created_at=NOW, score=score))[0].score == 4.0


@pytest.mark.parametrize("score", [Decimal("NaN"), Decimal("-Infinity")])
def test_a_decimal_that_is_no_number_is_refused(score: Any) -> None:
    with pytest.raises(RecordError, match="no finite number"):
        checked(Review(external_id="r", created_at=NOW, score=score))


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_no_score(score: float) -> None:
    assert checked(Review(external_id="r", created_at=NOW, score=score))[0].score is None


def test_a_time_may_be_of_any_zone() -> None:
    shanghai = NOW.astimezone(timezone(timedelta(hours=8)))
    assert checked(an_order(placed_at=shanghai))[0].placed_at == NOW


def test_consent_is_part_of_the_content() -> None:
    granted = Customer(external_id="c", consents=[Consent(medium="any", purpose="marketing", granted=True)])
    refused = Customer(external_id="c", consents=[Consent(medium="any", purpose="marketing", granted=False)])
    assert checked(granted)[1] != checked(refused)[1]


def test_every_stream_is_named_after_its_record() -> None:
    of_customers = ["products", "customers", "orders", "refunds", "reviews", "conversations"]
    assert list(RECORDS) == [*of_customers, "attendance"]
    assert all(kind.stream == name for name, kind in RECORDS.items())
