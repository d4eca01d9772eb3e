"""The language of segments: what it says, and what it refuses at which character."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.config import InvalidConfig
from crmsync.config.document import read_document
from crmsync.config.selection import (
    Ago,
    Compare,
    Either,
    Every,
    Fact,
    Fault,
    Flagged,
    InState,
    InvalidSelection,
    Known,
    Money,
    Not,
    OneOf,
    Selection,
    facts_in,
    flags_in,
    follows_the_clock,
    parse,
)

RULES = {"vip": "customer", "7-days": "customer", "complaint_rate": "product", "broken": None}


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("orders > 3", Compare("orders", ">", 3.0)),
        ("orders != -1", Compare("orders", "!=", -1.0)),
        ("net >= 1000.50 CNY", Compare("net", ">=", Money(100050.0, "CNY"))),
        ("net < 1000 JPY", Compare("net", "<", Money(1000.0, "JPY"))),
        ("refunded > net", Compare("refunded", ">", Fact("net"))),
        ("recency_days < 90", Compare("recency_days", "<", 90.0)),
        ("recency_days < 12 weeks", Compare("recency_days", "<", 84.0)),
        ("recency_days<36h", Compare("recency_days", "<", 1.5)),
        ("first_day >= 1970-01-11", Compare("first_day", ">=", 10.0)),
        ("last_order_at = 1970-01-01T08:00+08:00", Compare("last_order_at", "=", 0.0)),
        ("last_order_at > 30d ago", Compare("last_order_at", ">", Ago(timedelta(days=30)))),
        ("last_day > 30 days ago", Compare("last_day", ">", Ago(timedelta(days=30), days=True))),
        ("currency = CNY", Compare("currency", "=", "CNY")),
        ("currency in (CNY, 'HKD')", OneOf("currency", ("CNY", "HKD"))),
        ("orders not in (1, 2)", Every((Known("orders"), Not(OneOf("orders", (1.0, 2.0)))))),
        ("flag(vip)", Flagged("vip", frozenset({"low", "medium", "high"}))),
        ("flag(vip) >= medium", Flagged("vip", frozenset({"medium", "high"}))),
        ("flag(vip) < medium", Flagged("vip", frozenset({"low"}))),
        ("flag('7-days') != high", Flagged("7-days", frozenset({"low", "medium"}))),
        ("flag(vip) not in (low)", Flagged("vip", frozenset({"medium", "high"}))),
        ("flag(broken) = low", Flagged("broken", frozenset({"low"}))),
        ("state(vip) = top", InState("vip", frozenset({"top"}))),
        ("state(vip) not in (top, key)", InState("vip", frozenset({"top", "key"}), other=True)),
        ("known(last_day)", Known("last_day")),
        (
            "not orders > 1 and units > 2 or returns > 3",
            Either(
                (
                    Every((Not(Compare("orders", ">", 1.0)), Compare("units", ">", 2.0))),
                    Compare("returns", ">", 3.0),
                )
            ),
        ),
        (
            "orders > 1 and (units > 2 or returns > 3)",
            Every(
                (
                    Compare("orders", ">", 1.0),
                    Either((Compare("units", ">", 2.0), Compare("returns", ">", 3.0))),
                )
            ),
        ),
        ("（orders ＞ 1） and known（net）", Every((Compare("orders", ">", 1.0), Known("net")))),
        ("currency ＝ “CNY”", Compare("currency", "=", "CNY")),
    ],
)
def test_means(text: str, meaning: Selection) -> None:
    assert parse(text, RULES) == meaning


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("net > 1000", [(6, "Give it a currency: 1000 CNY.")]),
        ("net > 1000 cny", [(11, "Give it a currency: 1000 CNY.")]),
        ("net > orders", [(6, "Write it as 1000 CNY.")]),
        ("recency_day < 3", [(0, "Did you mean recency_days?")]),
        ("nt > 3 CNY and rders < 2 days", [(0, "Did you mean net?"), (15, "Did you mean orders?")]),
        ("recency_days < 3 months", [(17, "Write it in days: 30 days, 365 days.")]),
        ("recency_days < 2 wekks", [(17, "Did you mean weeks?")]),
        ("recency_days < 2026-01-01", [(15, "Write it as 90 days.")]),
        ("orders > 3%", [(9, "Write it as 3.")]),
        ("orders > many", [(9, "Write it as 3.")]),
        ("orders > 3 pieces", [(11, "Write it as 3.")]),
        ("last_order_at > 30", [(16, "Write it as 2026-05-01 or 30 days ago.")]),
        ("last_order_at > 30 days", [(19, "Add ago.")]),
        ("first_day > 2026-13-01", [(12, "Write it as 2026-05-01.")]),
        ("currency > CNY", [(11, "Use =, != or in.")]),
        ("currency = 5", [(11, "Write it as \"CNY\".")]),
        ("flag(vi)", [(5, "Did you mean vip? Or add vi under rules.")]),
        ("flag(vip) >= hgh", [(13, "Did you mean high?")]),
        ("flag(complaint_rate)", [(5, "Use the flag of a rule that judges customers.")]),
        ("flag(", [(5, "Write flag(vip), with a rule of your config.")]),
        (
            "flag vip",
            [
                (0, "docs/reference/facts.md lists them, under customer."),
                (5, "Use =, !=, <, <=, >, >= or in."),
            ],
        ),
        ("state(vip) > top", [(11, "Use =, != or in.")]),
        ("state(vip)", [(10, "Use =, !=, <, <=, >, >= or in.")]),
        ("known(bogus)", [(6, "docs/reference/facts.md lists them, under customer.")]),
        ("orders == 3", [(7, "Write =.")]),
        ("orders <> 3", [(7, "Write !=.")]),
        ("orders ≥ 3", [(7, "Write >=.")]),
        ("orders > 1 && units > 2", [(11, "Write and.")]),
        ("orders > 1 AND units > 2", [(11, "Did you mean and?")]),
        ("orders > 1 units > 2", [(11, "Write it as 3."), (17, "Join comparisons with and, or.")]),
        ("orders >", [(8, "Write what the fact is compared with.")]),
        ("(orders > 1", [(11, "Write ) here.")]),
        ("orders in 1", [(10, "Write ( here.")]),
        ("orders > 1 and", [(14, "Name a fact, such as orders, or flag(vip).")]),
        ("", [(0, "Name a fact, such as orders, or flag(vip).")]),
        ("currency = 'CNY", [(11, "Close it with '.")]),
        ("(" * 60 + "orders > 1" + ")" * 60, [(41, "Make two segments of it.")]),
    ],
)  # fmt: skip
def test_refuses_at_a_character(text: str, faults: list[tuple[int, str]]) -> None:
    with pytest.raises(InvalidSelection) as refused:
        parse(text, RULES)
    assert [(fault.at, fault.fix) for fault in refused.value.faults] == faults


def test_a_rule_may_have_any_name_where_rules_are_not_known() -> None:
    assert flags_in(parse("flag(anything) and state(other) = x")) == ("anything", "other")


def test_says_what_it_looks_at() -> None:
    selection = parse("refunded > net and not orders in (1, 2) or flag(vip)")
    assert facts_in(selection) == ("refunded", "net", "orders")
    assert flags_in(selection) == ("vip",)


def test_knows_when_it_follows_the_clock() -> None:
    assert follows_the_clock(parse("orders > 1 and recency_days > 30"))
    assert follows_the_clock(parse("not last_order_at > 30d ago"))
    assert not follows_the_clock(parse("orders > 1 and flag(vip) and first_day > 2026-01-01"))


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="orders net flag(vip)>=<! 0123CNY'\"days,and not", max_size=40))
def test_anything_is_read_or_refused_within_the_text(text: str) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        parse(text)
    except InvalidSelection as refused:
        faults = refused.faults
        assert faults
    assert all(0 <= fault.at <= len(text) for fault in faults)


_FORMS = st.sampled_from(
    ["segments:\n  gold: {}\n", "segments: {{gold: '{}'}}\n", 'segments:\n  gold:\n    "{}"\n']
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(["orders > 1", "returns < 3", "known(net)"]), max_size=4),
    st.sampled_from([" and ", "  or ", " and\n      ", " or\n\n      "]),
    _FORMS,
)
def test_the_place_of_a_fault_is_that_of_its_word(parts: list[str], joint: str, form: str) -> None:
    import tempfile

    text = form.format(joint.join([*parts, "bogus > 1"]))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "crmsync.yaml"
        file.write_text(text)
        document = read_document(file, {})
        with pytest.raises(InvalidSelection) as refused:
            parse(document.data["segments"]["gold"])
        document.report(("segments", "gold"), "", "", offset=refused.value.faults[0].at)
    problem = document.problems[0]
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith("bogus")


@pytest.mark.parametrize("style", ["|", ">", ">-", "|2"])
def test_a_fault_in_a_block(style: str, load: Callable[..., object]) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load(f"segments:\n  gold: {style}\n    orders > 1\n\n    or bogus > 2\n")
    assert [(p.line, p.column) for p in refused.value.problems] == [(5, 8)]


def test_a_value_from_outside_is_not_shown(load: Callable[..., object]) -> None:
    with pytest.raises(InvalidConfig) as refused:
        load("segments:\n  gold: orders > ${env:SIZE}\n", SIZE="hunter2 x")
    assert "hunter2" not in str(refused.value)
