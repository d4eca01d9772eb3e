from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
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
        ("external_id", 7),
        ("external_id", "x" * 201),
        ("status", "lost"),
        ("currency", "yuan"),
        ("total", 1.5),
        ("total", True),
        ("total", 2**53 + 1),
        ("placed_at", datetime(2026, 3, 1)),
        ("placed_at", "2026-03-01"),
        ("lines", None),
        ("lines", [{"line_id": "1", "price": 1}]),
        ("lines", [{"line_id": "1", "price": 1, "total": 1, "colour": "red"}]),
    ],
)
def test_each_bad_field_is_named(field: str, value: Any) -> None:
    with pytest.raises(RecordError) as refused:
        checked(an_order(**{field: value}))
    assert refused.value.field.startswith(field)


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
