"""Each way a configuration says where a field comes from and how it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from files_case import Exports, only, records, rejected
from pydantic import ValidationError

from crmsync.sdk import Cursor, Order

ROW = "id,total,placed,extra\n1,12.50,2026-03-01T10:00:00Z,{}\n"


def placed(exports: Exports, value: str, spec: dict[str, Any], **options: Any) -> datetime:
    exports.write("o.csv", f"id,total,placed\n1,5.00,{value}\n")
    connector = exports.orders("o.csv", fields={"placed_at": {"column": "placed", **spec}}, **options)
    order: Order = only(connector)
    return order.placed_at


@pytest.mark.parametrize(
    ("value", "spec", "expected"),
    [
        ("2026-03-01T10:00:00+08:00", {}, datetime(2026, 3, 1, 2, tzinfo=UTC)),
        ("2026-03-01", {}, datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01 10:00", {"zone": "Asia/Shanghai"}, datetime(2026, 3, 1, 2, tzinfo=UTC)),
        ("2026-07-01 10:00", {"zone": "Europe/Berlin"}, datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("01.03.2026 10:05", {"format": "%d.%m.%Y %H:%M"}, datetime(2026, 3, 1, 10, 5, tzinfo=UTC)),
        ("3/1/26", {"format": "%m/%d/%y"}, datetime(2026, 3, 1, tzinfo=UTC)),
        ("1 March 2026", {"format": "%d %B %Y"}, datetime(2026, 3, 1, tzinfo=UTC)),
        ("1772359200", {"format": "epoch"}, datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("1772359200250", {"format": "epoch_ms"}, datetime(2026, 3, 1, 10, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_the_field_says(
    exports: Exports, value: str, spec: dict[str, Any], expected: datetime
) -> None:
    assert placed(exports, value, spec) == expected


def test_the_connection_says_once_how_times_are_written(exports: Exports) -> None:
    times = {"zone": "Asia/Shanghai", "format": "%d/%m/%Y %H:%M"}
    assert placed(exports, "01/03/2026 10:00", {}, times=times) == datetime(2026, 3, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "spec", "why"),
    [
        ("31/02/2026", {"format": "%d/%m/%Y"}, "'31/02/2026' does not match %d/%m/%Y"),
        ("2026-03-01 7:00", {"format": "%d/%m/%Y"}, "does not match"),
        ("yesterday", {}, "'yesterday' is not an ISO 8601 time"),
        ("soon", {"format": "epoch"}, "'soon' is not a number"),
        ("", {}, "column 'placed' is empty"),
    ],
)
def test_a_time_that_is_none_names_its_field_and_line(
    exports: Exports, value: str, spec: dict[str, Any], why: str
) -> None:
    exports.write("o.csv", f"id,total,placed\n1,5.00,{value}\n")
    (reason,) = rejected(exports.orders("o.csv", fields={"placed_at": {"column": "placed", **spec}}))
    assert reason.startswith("o.csv:2: placed_at: ")
    assert why in reason


def test_a_time_without_offset_and_zone_is_refused(exports: Exports) -> None:
    exports.write("o.csv", "id,total,placed\n1,5.00,2026-03-01 10:00\n")
    (reason,) = rejected(exports.orders("o.csv", times={}))
    assert "has no offset and no zone is configured" in reason


@pytest.mark.parametrize(
    ("value", "decimal", "expected"),
    [
        ("12.50", "point", 1250),
        ("1,234.56", "point", 123456),
        ("12,50", "comma", 1250),
        ("1.234,56", "comma", 123456),
        ("1 234,56", "comma", 123456),
        ("7", "comma", 700),
        ("-3.10", "point", -310),
    ],
)
def test_amounts_are_read_with_their_decimal_sign(
    exports: Exports, value: str, decimal: str, expected: int
) -> None:
    exports.write("o.tsv", f"id\ttotal\tplaced\n1\t{value}\t2026-03-01\n")
    assert only(exports.orders("o.tsv", decimal=decimal)).total == expected


@pytest.mark.parametrize(("value", "decimal"), [("12,50", "point"), ("12.50", "comma"), ("free", "point")])
def test_an_amount_with_the_wrong_sign_is_never_a_hundred_times_itself(
    exports: Exports, value: str, decimal: str
) -> None:
    exports.write("o.tsv", f"id\ttotal\tplaced\n1\t{value}\t2026-03-01\n")
    (reason,) = rejected(exports.orders("o.tsv", decimal=decimal))
    assert reason.startswith("o.tsv:2: total: ")


def test_the_currency_of_a_column_decides_the_minor_unit(exports: Exports) -> None:
    exports.write("o.csv", "id,total,placed,cur\n1,1250,2026-03-01,JPY\n2,12.5,2026-03-01,KWD\n")
    orders = records(exports.orders("o.csv", fields={"currency": "cur"}, currency=None))
    assert [(order.currency, order.total) for order in orders] == [("JPY", 1250), ("KWD", 12500)]


def test_amounts_in_minor_units(exports: Exports) -> None:
    exports.write("o.csv", ROW.replace("12.50", "1250").format(""))
    assert only(exports.orders("o.csv", fields={"total": {"column": "total", "unit": "minor"}})).total == 1250


STATUS = {"column": "extra", "values": {"Bezahlt": "paid", 7: "shipped"}}


@pytest.mark.parametrize(
    ("word", "status"), [("bezahlt", "paid"), ("7", "shipped"), ("delivered", "delivered")]
)
def test_status_words_are_looked_up_in_any_case(exports: Exports, word: str, status: str) -> None:
    exports.write("o.csv", ROW.format(word))
    assert only(exports.orders("o.csv", fields={"status": STATUS})).status == status


def test_an_unknown_status_word_is_rejected_by_name(exports: Exports) -> None:
    exports.write("o.csv", ROW.format("versandt"))
    (reason,) = rejected(exports.orders("o.csv", fields={"status": STATUS}))
    assert reason == "o.csv:2: status: the word 'versandt' is not in the table of values."


def test_a_default_takes_unknown_and_missing_words(exports: Exports) -> None:
    exports.write("o.csv", ROW.format("versandt") + "2,1.00,2026-03-01,\n")
    orders = records(exports.orders("o.csv", fields={"status": {**STATUS, "default": "pending"}}))
    assert [order.status for order in orders] == ["pending", "pending"]


def test_a_table_of_values_replaces_before_reading(exports: Exports) -> None:
    exports.write("o.csv", ROW.format("0000-00-00"))
    shipped = {"column": "extra", "values": {"0000-00-00": None}}
    assert only(exports.orders("o.csv", fields={"shipped_at": shipped})).shipped_at is None


def test_the_first_filled_column_counts(exports: Exports) -> None:
    exports.write("o.csv", "id,total,placed,net\n1,,2026-03-01,3.00\n2,4.00,2026-03-01,3.00\n")
    orders = records(exports.orders("o.csv", fields={"total": {"column": ["total", "net"]}}))
    assert [order.total for order in orders] == [300, 400]


def test_a_template_puts_columns_together(exports: Exports) -> None:
    exports.write("o.csv", ROW.format("7") + "2,1.00,2026-03-01,\n")
    orders = records(exports.orders("o.csv", fields={"customer_id": {"template": "{extra}-{id}"}}))
    assert [order.customer_id for order in orders] == ["7-1", None]


def test_an_identity_of_several_columns(exports: Exports) -> None:
    exports.write("o.csv", ROW.format("B") + "1,1.00,2026-03-01,\n")
    connector = exports.orders("o.csv", identity=["id", "extra"], separator="/")
    assert rejected(connector) == ["o.csv:3: identity: a part of the identity is empty."]
    payload = next(iter(connector.orders(Cursor()))).payloads[0]
    assert connector.orders.record(payload).external_id == "1/B" == payload["id"]


def test_consents_and_yes_and_no(exports: Exports) -> None:
    exports.write("c.csv", "id,mail,verified,ads\n1,a@example.com,Y,no\n2,,false,\n")
    consent = {"medium": {"constant": "email"}, "purpose": {"constant": "marketing"}, "granted": "ads"}
    connector = exports.open(
        exports={
            "customers": {
                "file": exports.folder / "c.csv",
                "identity": "id",
                "fields": {"email": "mail", "email_verified": "verified"},
                "consents": [{"fields": consent}],
            }
        }
    )
    first, second = records(connector, "customers")
    assert (first.email, first.email_verified) == ("a@example.com", True)
    assert [(c.medium, c.purpose, c.granted) for c in first.consents] == [("email", "marketing", False)]
    assert (second.email, second.consents) == (None, [])


def test_scores_are_spread_over_one_to_five(exports: Exports) -> None:
    exports.write("r.csv", 'id,score,at\n1,0,2026-03-01\n2,10,2026-03-01\n3,"7,5",2026-03-01\n')
    score = {"column": "score", "scale": [0, 10], "decimal": "comma"}
    connector = exports.open(
        exports={
            "reviews": {
                "file": exports.folder / "r.csv",
                "identity": "id",
                "fields": {"score": score, "created_at": "at"},
            }
        }
    )
    assert [review.score for review in records(connector, "reviews")] == [1, 5, 4]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"totl": "x"}, ("totl",)),
        ({"total": {}}, ("total",)),
        ({"placed_at": {"column": "x", "format": "dd.mm.yyyy"}}, ("placed_at", "format")),
        ({"placed_at": {"column": "x", "zone": "Mars/Base"}}, ("placed_at", "zone")),
        ({"total": {"column": "x", "zone": "UTC"}}, ("total", "zone")),
        ({"status": {"column": "x", "values": {"a": "payed"}}}, ("status", "values", "a")),
        ({"status": {"constant": "payed"}}, ("status", "constant")),
    ],
)
def test_a_mistake_in_the_mapping_is_told_at_its_place(
    exports: Exports, fields: dict[str, Any], place: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        exports.orders("o.csv", fields=fields)
    (error,) = caught.value.errors()
    assert error["loc"] == ("exports", "orders", "fields", *place)


def test_a_required_field_must_be_mapped(exports: Exports) -> None:
    with pytest.raises(ValidationError) as caught:
        exports.open(exports={"orders": {"file": "o.csv", "identity": "id", "fields": {"total": "t"}}})
    assert {error["loc"][-1] for error in caught.value.errors()} == {"status", "placed_at"}


def test_orders_need_a_currency(exports: Exports) -> None:
    with pytest.raises(ValidationError, match=r"exports\.orders has no currency"):
        exports.orders("o.csv", currency=None)


def test_only_configured_streams_are_offered(exports: Exports) -> None:
    assert list(exports.orders("o.csv").offers()) == ["orders"]
