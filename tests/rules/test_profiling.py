"""Who refuses to be profiled is neither judged nor learned from, and in no segment, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from histories import History, day
from sqlalchemy import insert, select

from crmsync.care import set_profiling
from crmsync.insight import facts_of, load_facts, past_facts, refresh_facts, refuses_profiling
from crmsync.rules import explain, judge_rules, standing_flags
from crmsync.sdk import Facts, Finding, FlagChange, Model, Rule, Settings, UsageError, Within
from crmsync.segments import preview_segment, refresh_segments
from crmsync.store import Store
from crmsync.store.tables import Audit, Consent, SegmentMember

NOW = day(100)
SEGMENTS = {"all": "orders > 0"}


class Everybody(Rule[Settings]):
    """Flags every customer, and learns how many there are."""

    name = "everybody"
    title = "Everybody"
    Settings = Settings
    seen = 0

    @property
    def subject(self) -> Any:
        return "customer"

    def fit(self, facts: Facts) -> Model | None:
        type(self).seen = len(facts)
        return Model("count", {"customers": len(facts)})

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        for row in facts:
            yield Finding(row["id"], "low", 1, ())


RULES = {"everybody": Everybody(Settings())}


@pytest.fixture
def two(store: Store) -> Store:
    """Two flagged customers, both in a segment."""
    history = History(store)
    history.order("o1", "c1", at=1)
    history.order("o2", "c2", at=2)
    history.save()
    refresh_facts(store, NOW)
    judge_rules(store, RULES, NOW)
    refresh_segments(store, SEGMENTS, NOW)
    assert flagged(store) == {"1", "2"}
    assert members(store) == {1, 2}
    return store


def flagged(store: Store) -> set[str]:
    return {flag.subject_id for flag in standing_flags(store)}


def members(store: Store) -> set[int]:
    with store.read() as connection:
        return set(
            connection.scalars(select(SegmentMember.customer_id).where(SegmentMember.left_at.is_(None)))
        )


def refuse(store: Store, at: float, *, granted: bool = False, purpose: str = "profiling") -> None:
    """What a connector read from the platform."""
    with store.write() as connection:
        connection.execute(
            insert(Consent).values(
                connection_id=1,
                account_id="c2",
                medium="any",
                purpose=purpose,
                granted=granted,
                confirmed=False,
                proof="",
                at=day(at),
                source="account page",
                learned_at=day(at),
            )
        )


def test_flags_and_membership_end_at_the_next_judging(two: Store) -> None:
    set_profiling(two, 2, granted=False, actor="ann", now=NOW)
    assert refuses_profiling(two, 2)
    told: list[FlagChange] = []
    soon = NOW + timedelta(minutes=10)
    judge_rules(two, RULES, soon, on_changes=told.extend)
    refresh_segments(two, SEGMENTS, soon)
    assert flagged(two) == {"1"}
    assert members(two) == {1}
    assert [(step.subject_id, step.change) for step in told] == [("2", "cleared")]
    last = explain(two, "customer", "2").history[-1]
    assert last.change == "cleared"
    assert last.reasons[0].told.text() == "The customer refuses to be profiled."
    assert last.reasons[0].told.text("zh") == "该客户拒绝用户画像与自动评价。"


def test_they_are_in_no_facts(two: Store) -> None:
    refuse(two, 90)
    assert load_facts(two, "customer", NOW).ids.tolist() == ["1"]
    assert load_facts(two, "customer", NOW, changed_since=0).ids.tolist() == ["1"]
    assert load_facts(two, "customer", NOW, within=Within("last_order_at")).ids.tolist() == ["1"]
    assert facts_of(two, "customer", ["1", "2"], NOW).ids.tolist() == ["1"]
    assert past_facts(two, "customer", day(50)).ids.tolist() == ["1"]
    assert preview_segment(two, "all", "orders > 0", NOW).members == 1
    # The shop's figures are nobody's profile.
    assert load_facts(two, "shop", NOW)["orders"].tolist() == [2]


def test_nothing_is_learned_from_them(two: Store) -> None:
    refuse(two, 90)
    judge_rules(two, RULES, NOW + timedelta(days=2), changed_only=False)
    assert Everybody.seen == 1
    assert flagged(two) == {"1"}


def test_the_latest_statement_counts(two: Store) -> None:
    refuse(two, 90)
    refuse(two, 95, granted=True)
    assert not refuses_profiling(two, 2)
    refuse(two, 96)
    assert refuses_profiling(two, 2)
    judge_rules(two, RULES, NOW, changed_only=False)
    assert flagged(two) == {"1"}
    set_profiling(two, 2, granted=True, actor="ann", now=NOW)
    judge_rules(two, RULES, NOW + timedelta(days=1))
    assert flagged(two) == {"1", "2"}


def test_another_refusal_changes_nothing(two: Store) -> None:
    refuse(two, 90, purpose="marketing")
    judge_rules(two, RULES, NOW + timedelta(days=1))
    assert flagged(two) == {"1", "2"}


def test_of_two_statements_at_once_the_refusal_counts(two: Store) -> None:
    refuse(two, 90, granted=True)
    refuse(two, 90)
    assert refuses_profiling(two, 2)


def test_it_is_in_the_audit(two: Store) -> None:
    set_profiling(two, 2, granted=False, actor="ann", now=NOW)
    with two.read() as connection:
        row = connection.execute(select(Audit.actor, Audit.action, Audit.object)).one()
    assert tuple(row) == ("ann", "refuse_profiling", "customer 2")
    with pytest.raises(UsageError):
        set_profiling(two, 99, granted=False, actor="ann", now=NOW)
