"""Values of a platform as Python values, and times written back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.sdk import RecordError, known, major, to_birthday, to_time
from crmsync.sdk.convert import amount_reader, time_reader, time_writer, to_boolean, to_integer, to_text

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)


@settings(deadline=None)
@given(MOMENTS)
@pytest.mark.parametrize(
    "format", ["iso", "epoch", "epoch_ms", "%d.%m.%Y %H:%M:%S", "%Y%m%d%H%M%S", "%d %b %Y %H:%M:%S"]
)
def test_a_time_that_is_written_is_read_as_itself(format: str, moment: datetime) -> None:
    written = time_writer(format, SHANGHAI)(moment)
    assert time_reader(format, SHANGHAI)(written) == moment


@settings(deadline=None)
@given(st.integers(-(10**12), 10**12), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_an_amount_is_read_with_either_sign_grouped_or_not(minor: int, currency: str) -> None:
    plain = major(minor, currency)
    grouped = f"{plain:,}"
    swapped = grouped.translate(str.maketrans(",.", ".,"))
    assert amount_reader("major", "point")(str(plain), currency) == minor
    assert amount_reader("major", "point")(grouped, currency) == minor
    assert amount_reader("major", "comma")(swapped, currency) == minor


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (to_integer, "3.5"),
        (to_integer, True),
        (to_integer, "1e40"),
        (to_integer, "NaN"),
        (to_integer, None),
        (to_boolean, "maybe"),
        (to_text, True),
        (to_text, {}),
        (time_reader("epoch", None), "1e18"),
        (time_reader("iso", None), 20260301),
        (time_reader("iso", ZoneInfo("Asia/Tokyo")), "0001-01-01"),
        (time_reader("%d/%m/%Y", UTC), "1/13/2026"),
    ],
)
def test_what_is_none_is_refused(read: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read(value)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (to_integer, "3.0", 3),
        (to_integer, Decimal("3"), 3),
        (to_text, 7, "7"),
        (to_text, " a ", "a"),
        (to_boolean, "是", True),
        (to_boolean, 0, False),
    ],
)
def test_what_is_meant_is_read(read: Callable[[Any], Any], value: Any, expected: Any) -> None:
    assert read(value) == expected


def test_a_word_is_what_the_table_says() -> None:
    assert known({"PAID": "paid", 2: "shipped", "WAIT": None}, {"state": "PAID"}, "state") == "paid"
    assert known({"PAID": "paid", 2: "shipped"}, {"state": 2}, "state") == "shipped"
    assert known({"WAIT": None}, {"state": "WAIT"}, "state") is None


@pytest.mark.parametrize("row", [{"state": "LOST"}, {"state": None}, {"state": {"is": "PAID"}}, {}])
def test_a_word_that_is_not_known_is_refused_with_its_field(row: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match=r"^state: the word .* is not known\.$") as refused:
        known({"PAID": "paid"}, row, "state")
    assert refused.value.field == "state"


@pytest.mark.parametrize("none", [None, ""])
def test_a_time_that_is_not_there_is_none(none: str | None) -> None:
    assert to_time(none) is None


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T08:00:00+08:00",
        "2026-03-01T00:00:00Z",
        "Sun, 01 Mar 2026 08:00:00 +0800",
        "1 Mar 2026 00:00:00 GMT",
        "Sun, 01 Mar 2026 00:00:00 -0000",
    ],
)
def test_a_time_is_read_as_iso_or_as_mail_writes_it(text: str) -> None:
    assert to_time(text) == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "noon",
        "2026-13-01T00:00:00Z",
        "03/01/2026 08:00:00 +0800",
        "Sun, 01 Mar 2026 08:00:00 CST",
        "Sun, 01 Mar 2026 08:00:00",
        "Sun, 32 Mar 2026 08:00:00 +0800",
    ],
)
def test_a_time_that_is_not_known_for_sure_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(text))} is neither"):
        to_time(text)


@pytest.mark.parametrize(
    ("text", "birthday"),
    [
        ("1990-05-17", "05-17"),
        ("1990-05-17T23:30:00-08:00", "05-17"),
        ("5-7", "05-07"),
        ("--02-29", "02-29"),
        (None, None),
        ("", None),
        ("0000-00-00", None),
    ],
)
def test_a_birthday_is_month_and_day(text: str | None, birthday: str | None) -> None:
    assert to_birthday(text) == birthday


@pytest.mark.parametrize("text", ["17.05.1990", "1990-13-01", "02-30", "1990-05", "05-00", "May 17"])
def test_what_is_no_date_of_birth_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"{re.escape(repr(text))} is no date of birth"):
        to_birthday(text)
