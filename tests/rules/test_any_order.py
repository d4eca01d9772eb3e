"""In whatever order and lots records arrive, on whatever database: the same facts and the same flags.

A few small shops a property, or as many as CRMSYNC_EXAMPLES says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from arrivals import Arrival, Shop, arrivals, keys_of, shops
from crmsync_complaint_rate.rule import ComplaintRate
from crmsync_vip.rule import Vip
from emptying import empty
from histories import day
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from crmsync.insight import load_facts, past_facts, refresh_facts
from crmsync.plugins import load_plugins
from crmsync.rules import judge_rules, standing_flags
from crmsync.rules.models import try_fit
from crmsync.sdk import Attendance, Facts, Product, Record, Rule
from crmsync.store import Store

NOW = day(200)
SUBJECTS: tuple[Any, ...] = ("customer", "product", "agent", "shop")
RULES: dict[str, Rule[Any]] = {
    "vip": Vip(Vip.Settings(minimum_customers=1, tiers={"top": 0.5})),
    **{
        f"{subject}_{reading}": ComplaintRate(
            ComplaintRate.Settings(subject=subject, reading=reading, threshold=0.1, certainty=0.5, minimum=1)
        )
        for subject, reading in (
            ("product", "troubled_orders"),
            ("shop", "poor_reviews"),
            ("agent", "troubled_inquiries"),
        )
    },
}
KINDS = load_plugins().rules
# Those that need not be told anything. What stands of a flag that falters depends on what stood before, so
# they are held to what they find, and the rules above to their flags too.
EVERY: dict[str, Rule[Any]] = {
    **RULES,
    **{
        f"usual_{name}": kind(kind.Settings())
        for name, kind in KINDS.items()
        if not any(field.is_required() for field in kind.Settings.model_fields.values())
    },
}
some = settings(
    max_examples=int(os.environ.get("CRMSYNC_EXAMPLES", "5")),
    deadline=None,
    # A whole shop in a real database shrinks for minutes and hardly gets smaller.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Makes an empty store, as often as asked."""

    @contextmanager
    def make() -> Iterator[Store]:
        if request.param == "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "one.db")
            store = Store(f"sqlite:///{tmp_path}/one.db")
        else:
            store = Store(request.getfixturevalue("postgres_database"))
            empty(store)
        yield store
        store.close()

    return make


_SOMETHING = (
    *("orders", "cancelled_orders", "reviews", "refunds", "conversations", "inquiries", "complaints"),
    *("attendance_days", "scheduled_days", "category", "currency"),
)


def told(store: Store, facts: dict[str, Facts]) -> dict[str, Any]:
    """Facts by subject, customers by their key.

    Without those of whom nothing is said: an account or agent that an older version of a record named is
    known where that version came first, and not where it came too late.
    """
    keys = keys_of(store)
    return {
        subject: {
            keys[row["id"]] if subject == "customer" else row["id"]: {**row, "id": None}
            for row in of
            # Of what nobody counted a figure is NaN, which is no more than a zero here.
            if any(row[name] and row[name] == row[name] for name in _SOMETHING if name in row)
        }
        for subject, of in facts.items()
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Which column of which subject differs, and how."""
    found = []
    for subject in SUBJECTS:
        for id in one[subject].keys() | other[subject].keys():
            ours, theirs = one[subject].get(id, {}), other[subject].get(id, {})
            found += [
                (subject, id, name, ours.get(name), theirs.get(name))
                for name in ours.keys() | theirs.keys()
                if str(ours.get(name)) != str(theirs.get(name))
            ]
    return found


def flags(store: Store) -> list[tuple[Any, ...]]:
    keys = keys_of(store)
    return sorted(
        (
            flag.rule,
            keys[flag.subject_id] if flag.subject == "customer" else flag.subject_id,
            flag.level,
            flag.score,
            str(flag.reasons),
        )
        for flag in standing_flags(store)
    )


def arrived(store: Store, lots: list[Arrival], *, gone: tuple[Record, ...] = ()) -> tuple[Any, ...]:
    """The facts, findings and flags after these arrivals, each followed by a whole pass; in the end a read
    of everything no longer lists those that are gone."""
    shop = Shop(store)
    for lot in (*lots, ()):
        shop.arrive(lot)
        if not lot:
            shop.bury(gone)
        refresh_facts(store, NOW)
        judged = judge_rules(store, RULES, NOW, refit_after=timedelta())
        assert not judged.failed
    return _seen(store)


def _seen(store: Store) -> tuple[Any, ...]:
    present = {subject: load_facts(store, subject, NOW) for subject in SUBJECTS}
    return told(store, present), _findings(store, present), flags(store)


@given(data=st.data(), share=st.sampled_from([0.25, 2.0]))
@some
def test_any_order_of_arrival_and_a_full_refresh_give_the_same(
    fresh: Any, data: st.DataObject, share: float
) -> None:
    # Of a few orders soon so many are touched that all are counted anew, unless that is ruled out.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crmsync.insight.refresh._WHOLE", share)
        records = data.draw(shops())
        gone = tuple(record for record in records if data.draw(st.integers(0, 5)) == 0)
        seen = []
        for _ in range(2):
            with fresh() as store:
                seen.append(arrived(store, data.draw(arrivals(records)), gone=gone))
                again = _in_full(store)
    for other in (seen[0], again):
        assert differences(other[0], seen[1][0]) == []
        assert other[1:] == seen[1][1:]


def _in_full(store: Store) -> tuple[Any, ...]:
    with store.write() as connection:
        ids = connection.execute(text("SELECT id FROM connection")).scalars().all()
        for table in ("customer_fact", "customer_spend", "product_fact", "agent_fact", "shop_fact"):
            connection.execute(text(f"DELETE FROM {table}"))
        for id in ids:
            connection.execute(text(f"INSERT INTO touched VALUES ({id}, 'all', '', 0)"))
    assert refresh_facts(store, NOW).full
    judge_rules(store, RULES, NOW, refit_after=timedelta(), changed_only=False)
    return _seen(store)


@pytest.mark.postgres
@given(data=st.data())
@some
def test_both_databases_say_the_same(
    sqlite_template: Path, postgres_database: str, tmp_path: Path, data: st.DataObject
) -> None:
    records = data.draw(shops())
    lots = data.draw(arrivals(records))
    gone = tuple(record for record in records if data.draw(st.integers(0, 5)) == 0)
    shutil.copy(sqlite_template, tmp_path / "one.db")
    seen = []
    for url in (f"sqlite:///{tmp_path}/one.db", postgres_database):
        store = Store(url)
        empty(store)
        seen.append(arrived(store, lots, gone=gone))
        store.close()
    assert differences(seen[0][0], seen[1][0]) == []
    assert seen[0][1:] == seen[1][1:]


@given(data=st.data(), moment=st.integers(0, 40))
@some
def test_what_is_learned_or_happens_later_changes_no_past_verdict(
    fresh: Any, data: st.DataObject, moment: int
) -> None:
    # One version of each record: what a record said before it was changed is not kept.
    newest = {(record.stream, record.external_id): record for record in data.draw(shops())}
    records = list(newest.values())
    then = day(moment)
    late = {id(record) for record in records if data.draw(st.booleans())}
    with fresh() as store:
        shop = Shop(store)
        shop.arrive([r for r in records if id(r) not in late and _happened(r) <= then], at=day(-1))
        before = _verdicts(store, then)
        shop.arrive([r for r in records if id(r) in late or _happened(r) > then], at=then + timedelta(days=1))
        after = _verdicts(store, then)
    assert differences(after[0], before[0]) == []
    assert after[1] == before[1]


def _happened(record: Any) -> Any:
    if isinstance(record, Product):
        return day(0)
    if isinstance(record, Attendance):
        return record.day
    names = ("placed_at", "requested_at", "created_at", "started_at")
    return next(getattr(record, name) for name in names if hasattr(record, name))


def _verdicts(store: Store, then: Any) -> tuple[dict[str, Any], list[Any]]:
    """Facts and findings of every rule as of a time, by what was known then."""
    past = {subject: past_facts(store, subject, then, known=then) for subject in SUBJECTS}
    return told(store, past), _findings(store, past)


def _findings(store: Store, facts: dict[str, Facts]) -> list[tuple[Any, ...]]:
    """What every rule finds, after learning from these facts."""
    keys, found = keys_of(store), []
    for name, rule in EVERY.items():
        of = facts[rule.subject]
        fit = try_fit(rule, of)
        for finding in rule.judge(of, fit.model):
            id = keys[finding.subject_id] if rule.subject == "customer" else finding.subject_id
            found.append((name, id, finding.level, finding.state, round(finding.score, 6), finding.reasons))
    return sorted(found, key=str)
