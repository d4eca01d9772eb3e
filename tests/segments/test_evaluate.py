"""A selection holds for whom a person reading it would say it holds."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.config.selection import (
    Ago,
    Compare,
    Either,
    Every,
    Fact,
    Flagged,
    InState,
    Known,
    Money,
    Not,
    OneOf,
    Selection,
    Value,
    parse,
)
from crmsync.sdk import Facts
from crmsync.segments.evaluate import Flags, holds

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FLAGS = {
    "vip": Flags({"1": "high", "2": "low"}, {"1": "top", "2": None}),
    "lost": Flags({"3": "medium"}, {"3": "gone"}),
}
CURRENCIES = np.array(["CNY", "CNY", "USD", None], dtype=object)


def facts(**columns: list[float]) -> Facts:
    arrays = {name: np.array(values, dtype=float) for name, values in columns.items()}
    return Facts(
        "customer", NOW, np.array(["1", "2", "3", "4"], dtype=object), {**arrays, "currency": CURRENCIES}
    )


SOME = facts(
    orders=[1, 2, 3, 0],
    net=[100_000, 50_000, 100_000, 0],
    gross=[100_000, 60_000, 90_000, 0],
    last_order_at=[(NOW - timedelta(days=d)).timestamp() for d in (1, 30, 90)] + [np.nan],
    last_day=[20_000, 20_500, 20_602, np.nan],
    recency_days=[1, 30, 90, np.nan],
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("orders > 1", "23"),
        ("net >= 1000 CNY", "1"),
        ("not net >= 1000 CNY", "234"),
        ("net != 1000 CNY", "2"),
        ("net = gross", "14"),
        ("recency_days < 90", "12"),
        ("not recency_days < 90", "34"),
        ("not recency_days < 90 and known(recency_days)", "3"),
        ("last_order_at > 30 days ago", "1"),
        ("last_order_at >= 30 days ago", "12"),
        ("last_day >= 2026-05-29", "3"),
        ("last_day > 200 days ago", "23"),
        ("currency = USD", "3"),
        ("currency != USD", "12"),
        ("currency not in (USD, HKD)", "12"),
        ("orders in (1, 3)", "13"),
        ("flag(vip)", "12"),
        ("not flag(vip)", "34"),
        ("flag(vip) < high", "2"),
        ("flag(vip) >= medium or flag(lost)", "13"),
        ("state(vip) = top", "1"),
        ("state(vip) != top", ""),
        ("state(lost) not in (top)", "3"),
        ("orders > 0 and net > 600 CNY or flag(lost) and orders > 2", "13"),
    ],
)
def test_holds_for(text: str, ids: str) -> None:
    found = holds(parse(text), SOME, FLAGS, NOW)
    assert "".join(SOME.ids[found]) == ids


def test_nobody_is_no_trouble() -> None:
    nobody = Facts("customer", NOW, np.array([], dtype=object), {"orders": np.array([])})
    assert holds(parse("orders > 1"), nobody, {}, NOW).tolist() == []


# One customer after the other, in plain Python, against all at once.

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def plainly(selection: Selection, row: dict[str, Any]) -> bool:
    match selection:
        case Every(parts):
            return all(plainly(part, row) for part in parts)
        case Either(parts):
            return any(plainly(part, row) for part in parts)
        case Not(part):
            return not plainly(part, row)
        case Known(fact):
            return row[fact] is not None
        case Flagged(rule, levels):
            return FLAGS[rule].levels.get(row["id"]) in levels
        case InState(rule, states, other):
            state = FLAGS[rule].states.get(row["id"])
            return state is not None and ((state not in states) if other else (state in states))
        case OneOf(fact, values):
            return any(compared(row, fact, "=", value) for value in values)
        case Compare(fact, sign, value):
            return compared(row, fact, sign, value)


def compared(row: dict[str, Any], fact: str, sign: str, value: Value) -> bool:
    fitting, other = True, value
    if isinstance(value, Money):
        fitting, other = row["currency"] == value.currency, value.amount
    elif isinstance(value, Fact):
        other = row[value.name]
    elif isinstance(value, Ago):
        other = (NOW - value.length).timestamp()
    return fitting and row[fact] is not None and other is not None and SIGNS[sign](row[fact], other)


SIGN = st.sampled_from(sorted(SIGNS))
LEAF = st.one_of(
    st.builds(Compare, st.sampled_from(["orders", "recency_days"]), SIGN, st.integers(0, 3).map(float)),
    st.builds(
        Compare, st.just("net"), SIGN, st.builds(Money, st.integers(0, 3), st.sampled_from(["CNY", "USD"]))
    ),
    st.builds(Compare, st.just("net"), SIGN, st.just(Fact("gross"))),
    st.builds(Compare, st.just("last_order_at"), SIGN, st.builds(Ago, st.just(timedelta(days=2)))),
    st.builds(OneOf, st.just("currency"), st.just(("CNY", "HKD"))),
    st.builds(Known, st.sampled_from(["recency_days", "currency"])),
    st.builds(
        Flagged, st.sampled_from(sorted(FLAGS)), st.frozensets(st.sampled_from(["low", "medium", "high"]))
    ),
    st.builds(InState, st.sampled_from(sorted(FLAGS)), st.just(frozenset({"top"})), st.booleans()),
)
SELECTION = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(Every, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
COLUMN = st.lists(st.one_of(st.integers(0, 3).map(float), st.just(np.nan)), min_size=4, max_size=4)


@settings(max_examples=60, deadline=None)
@given(SELECTION, COLUMN, COLUMN, COLUMN, COLUMN)
def test_all_at_once_is_one_after_the_other(
    selection: Selection, orders: list[float], net: list[float], gross: list[float], recency: list[float]
) -> None:
    at = [(NOW - timedelta(days=days)).timestamp() if days == days else np.nan for days in recency]
    given_facts = facts(orders=orders, net=net, gross=gross, recency_days=recency, last_order_at=at)
    rows = [{k: None if v != v else v for k, v in row.items()} for row in given_facts]
    assert holds(selection, given_facts, FLAGS, NOW).tolist() == [plainly(selection, row) for row in rows]
