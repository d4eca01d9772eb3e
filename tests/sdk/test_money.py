from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.sdk import RecordError, display, exponent, major, minor


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("12.50", "CNY", 1250),
        ("-12.50", "CNY", -1250),
        ("-.50", "CNY", -50),
        (".5", "CNY", 50),
        ("12", "CNY", 1200),
        ("12.5", "CNY", 1250),
        ("12.345", "CNY", 1235),
        ("1e3", "CNY", 100000),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.234", "KWD", 1234),
        ("1.23", "KWD", 1230),
        (7, "CNY", 700),
        (Decimal("0.10"), "CNY", 10),
    ],
)
def test_minor_units_are_exact(amount: Any, currency: str, units: int) -> None:
    assert minor(amount, currency) == units


@pytest.mark.parametrize(
    "amount", ["", "twelve", "12,50", "NaN", "Infinity", "1e400", "1-.50", None, 12.5, True, [], "1.-5"]
)
def test_what_is_no_exact_amount_is_refused(amount: Any) -> None:
    with pytest.raises(RecordError):
        minor(amount, "CNY")


@given(st.integers(-(10**12), 10**12), st.sampled_from(["CNY", "JPY", "KWD", "CLF"]))
def test_major_is_the_way_back(units: int, currency: str) -> None:
    assert minor(str(major(units, currency)), currency) == units


@given(st.decimals(-(10**9), 10**9, places=2))
def test_the_short_way_agrees_with_decimal(amount: Decimal) -> None:
    assert minor(f"{amount:.2f}", "CNY") == minor(amount, "CNY")


def test_a_person_reads_it_with_its_currency() -> None:
    assert display(125000, "CNY") == "CNY 1,250.00"
    assert display(1500, "JPY") == "JPY 1,500"
    assert exponent("XXX") == 2
