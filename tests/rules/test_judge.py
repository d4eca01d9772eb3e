from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from histories import History, day
from sqlalchemy import text

from crmsync.insight import load_facts, refresh_facts
from crmsync.rules import explain, flag_counts, judge_rules, last_fits, retire_rules, standing_flags
from crmsync.sdk import (
    Facts,
    Finding,
    FlagChange,
    Model,
    NotEnoughEvidence,
    Reason,
    Rule,
    Settings,
    Told,
)
from crmsync.store import Store


class CountSettings(Settings):
    limit: int = 2


class ManyOrders(Rule[CountSettings]):
    """Customers with many orders; one order fewer keeps a flag."""

    name = "many_orders"
    title = "Many orders"
    Settings = CountSettings

    @property
    def subject(self) -> Any:
        return "customer"

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        for row in facts:
            if row["orders"] >= self.settings.limit - 1:
                told = Told("{orders} orders, {days} days ago", {"orders": row["orders"], "days": row["T"]})
                level = "high" if row["orders"] > 2 * self.settings.limit else "medium"
                yield Finding(
                    row["id"],
                    level,  # type: ignore[arg-type]
                    row["orders"],
                    (Reason("orders", row["orders"], told, self.settings.limit, ("o1",)),),
                    raises=row["orders"] >= self.settings.limit,
                )


class Learner(ManyOrders):
    """Learns how many subjects there are."""

    name = "learner"
    fits = 0

    def fit(self, facts: Facts) -> Model | None:
        type(self).fits += 1
        if len(facts) < 2:
            raise NotEnoughEvidence("Only one customer.")
        return Model("count", {"customers": len(facts)})


class Broken(ManyOrders):
    name = "broken"

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        raise ZeroDivisionError("one by nothing")


class Stranger(ManyOrders):
    name = "stranger"

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        yield Finding("nobody", "low", 1, ())


class Tiers(ManyOrders):
    """A tier for each order; one order fewer keeps a tier that stands."""

    name = "tiers"

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        for row in facts:
            count = int(row["orders"])
            if count:
                yield Finding(row["id"], "low", count, (), state=f"tier {count}", keeps=f"tier {count + 1}")


class Overdue(ManyOrders):
    """Concerns customers with a first order alone, and is stale after ten minutes."""

    name = "overdue"
    full_after = timedelta(minutes=10)
    only_with = "first_order_at"
    seen: ClassVar[list[int]] = []

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        self.seen.append(len(facts))
        return super().judge(facts, model)


RULES = {"many": ManyOrders(CountSettings())}
NOW = day(100)


def orders(history: History, account: str, *ids: str, status: str = "completed") -> None:
    for number, id in enumerate(ids):
        history.order(id, account, at=number, status=status)
    history.save()
    refresh_facts(history.store, NOW)


def cancel(history: History, id: str, account: str) -> None:
    with history.store.write() as connection:
        connection.execute(
            text("UPDATE \"order\" SET status = 'cancelled' WHERE external_id = :id"), {"id": id}
        )
    history.touched.add(("account", account))
    history.save()
    refresh_facts(history.store, NOW)


def changes(store: Store) -> list[str]:
    return [step.change for step in explain(store, "customer", "1").history]


def test_a_flag_is_raised_kept_changed_and_cleared(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    result = judge_rules(store, RULES, NOW).rules["many"]
    assert (result.judged, result.raised, result.standing) == (1, 1, 1)

    orders(history, "c1", "o3", "o4", "o5")
    assert judge_rules(store, RULES, NOW).rules["many"].changed == 1
    assert standing_flags(store)[0].level == "high"

    for id in ("o5", "o4", "o3", "o2"):
        cancel(history, id, "c1")
    result = judge_rules(store, RULES, NOW).rules["many"]
    assert (result.cleared, result.standing) == (0, 1)

    cancel(history, "o1", "c1")
    assert judge_rules(store, RULES, NOW).rules["many"].cleared == 1
    assert changes(store) == ["raised", "changed", "changed", "cleared"]
    assert standing_flags(store) == []

    orders(history, "c1", "o6", "o7")
    assert judge_rules(store, RULES, NOW).rules["many"].raised == 1
    assert changes(store)[-1] == "raised"


def test_a_band_keeps_a_flag_and_raises_none(store: Store, history: History) -> None:
    orders(history, "c1", "o1")
    assert judge_rules(store, RULES, NOW).rules["many"].raised == 0
    orders(history, "c1", "o2")
    judge_rules(store, RULES, NOW)
    cancel(history, "o2", "c1")
    assert judge_rules(store, RULES, NOW).rules["many"].kept == 1


def test_a_change_of_state_is_a_step_and_a_state_may_be_kept(store: Store, history: History) -> None:
    rules = {"tiers": Tiers(CountSettings())}
    told: list[FlagChange] = []

    def judged() -> str | None:
        judge_rules(store, rules, NOW, on_changes=told.extend)
        return standing_flags(store)[0].state

    orders(history, "c1", "o1", "o2")
    assert judged() == "tier 2"
    orders(history, "c1", "o3")
    assert judged() == "tier 3"
    cancel(history, "o3", "c1")
    assert judged() == "tier 3"
    assert standing_flags(store)[0].score == 2
    cancel(history, "o2", "c1")
    assert judged() == "tier 1"
    cancel(history, "o1", "c1")
    judge_rules(store, rules, NOW, on_changes=told.extend)
    steps = [(step.change, step.state) for step in explain(store, "customer", "1").history]
    assert steps == [
        ("raised", "tier 2"),
        ("changed", "tier 3"),
        ("changed", "tier 1"),
        ("cleared", "tier 1"),
    ]
    assert [(change.change, change.state) for change in told] == steps


def test_a_rule_may_go_stale_sooner_and_concern_only_some(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Overdue, "seen", [])
    rules = {"overdue": Overdue(CountSettings())}
    orders(history, "c1", "o1", "o2")
    orders(history, "c2", "p1", status="cancelled")
    judge_rules(store, rules, NOW)
    assert not judge_rules(store, rules, NOW + timedelta(minutes=9)).rules["overdue"].full
    result = judge_rules(store, rules, NOW + timedelta(minutes=10)).rules["overdue"]
    assert (result.full, result.judged, result.kept) == (True, 1, 1)
    for id in ("o1", "o2"):
        cancel(history, id, "c1")
    result = judge_rules(store, rules, NOW + timedelta(minutes=30)).rules["overdue"]
    assert (result.judged, result.cleared) == (0, 1)
    assert Overdue.seen == [1, 1]


def test_moved_scores_are_judged_where_they_are_read(store: Store, history: History) -> None:
    class Scored(ManyOrders):
        name = "scored"

    class Unscored(ManyOrders):
        name = "unscored"
        reads_scores = False

    rules = {"scored": Scored(CountSettings()), "unscored": Unscored(CountSettings())}
    for number in range(5):
        history.order(f"o{number}", f"c{number}", at=number)
    history.save()
    refresh_facts(store, NOW)
    judge_rules(store, rules, NOW)
    history.order("o9", "c0", at=9)
    history.save()
    refresh_facts(store, NOW)
    result = judge_rules(store, rules, NOW).rules
    assert {name: each.judged for name, each in result.items()} == {"scored": 5, "unscored": 1}
    assert {each.judged for each in judge_rules(store, rules, NOW).rules.values()} == {0}


def test_rules_share_the_facts_they_read(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crmsync.rules import judge

    read: list[int | None] = []

    def counted(*given: Any, changed_since: int | None = None, **options: Any) -> Facts:
        read.append(changed_since)
        return load_facts(*given, changed_since=changed_since, **options)

    monkeypatch.setattr(judge, "load_facts", counted)
    rules = {"many": RULES["many"], "tiers": Tiers(CountSettings())}
    orders(history, "c1", "o1", "o2")
    judge_rules(store, rules, NOW)
    orders(history, "c1", "o3")
    assert [r.changed for r in judge_rules(store, rules, NOW).rules.values()] == [0, 1]
    assert len(read) == 2
    assert read[0] is None
    assert read[1]


def test_judging_again_changes_nothing(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, RULES, NOW)
    for changed_only in (True, False):
        result = judge_rules(store, RULES, NOW, changed_only=changed_only).rules["many"]
        assert (result.raised, result.changed, result.cleared, result.standing) == (0, 0, 0, 1)
    assert changes(store) == ["raised"]


def test_only_changed_subjects_are_judged_until_a_day_has_passed(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    orders(history, "c2", "p1", "p2")
    assert judge_rules(store, RULES, NOW).rules["many"].judged == 2
    assert judge_rules(store, RULES, NOW).rules["many"].judged == 0
    orders(history, "c2", "p3")
    assert judge_rules(store, RULES, NOW).rules["many"].judged == 1
    later = NOW + timedelta(days=1)
    result = judge_rules(store, RULES, later).rules["many"]
    assert (result.judged, result.full, result.kept) == (2, True, 2)
    flag = standing_flags(store)[0]
    assert flag.reasons[0].told.text() == "3 orders, 101 days ago"
    assert flag.changed_at == NOW


def test_new_settings_judge_everybody_again(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, RULES, NOW)
    result = judge_rules(store, {"many": ManyOrders(CountSettings(limit=9))}, NOW).rules["many"]
    assert (result.judged, result.cleared) == (1, 1)


def test_a_rule_that_fails_stops_no_other_and_keeps_its_flags(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, {"broken": ManyOrders(CountSettings()), "many": RULES["many"]}, NOW)
    rules = {
        "broken": Broken(CountSettings()),
        "stranger": Stranger(CountSettings()),
        "many": RULES["many"],
    }
    result = judge_rules(store, rules, NOW, changed_only=False)
    assert set(result.failed) == {"broken", "stranger"}
    assert "one by nothing" in result.failed["broken"]
    assert "nobody" in result.failed["stranger"]
    assert result.rules["many"].standing == 1
    assert flag_counts(store) == {"broken": {"medium": 1}, "many": {"medium": 1}}


def test_changes_are_told_once_they_are_stored(store: Store, history: History) -> None:
    told: list[FlagChange] = []
    orders(history, "c1", "o1", "o2")
    for _ in range(2):
        judge_rules(store, RULES, NOW, on_changes=told.extend)
    assert [(change.rule, change.subject_id, change.change) for change in told] == [("many", "1", "raised")]


def test_a_model_is_fitted_daily_and_the_last_good_one_kept(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "fits", 0)
    rules = {"learner": Learner(CountSettings())}
    orders(history, "c1", "o1")
    result = judge_rules(store, rules, NOW).rules["learner"]
    assert result.refused
    assert result.refused.text() == "Only one customer."
    judge_rules(store, rules, NOW)
    assert Learner.fits == 1

    orders(history, "c2", "p1")
    assert judge_rules(store, rules, NOW).rules["learner"].fitted
    assert last_fits(store)["learner"].parameters == {"customers": 2}
    judge_rules(store, rules, NOW + timedelta(hours=23))
    assert Learner.fits == 2
    judge_rules(store, rules, NOW + timedelta(hours=24))
    assert Learner.fits == 3

    with store.write() as connection:
        connection.execute(text("DELETE FROM customer_fact WHERE customer_id = 2"))
    result = judge_rules(store, rules, NOW + timedelta(days=3)).rules["learner"]
    assert result.refused
    with store.read() as connection:
        kept = connection.execute(
            text("SELECT f.parameters FROM rule_state s JOIN model_fit f ON f.id = s.model_fit_id")
        ).scalar_one()
    assert kept == '{"customers": 2}'


def test_a_rule_that_could_learn_nothing_tries_again_with_the_next_fact(
    store: Store, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(self: Learner, facts: Facts) -> Model:
        if sum(facts["orders"]) < 3:
            raise NotEnoughEvidence("Too few orders.")
        return Model("count", {})

    monkeypatch.setattr(Learner, "fit", fit)
    rules = {"learner": Learner(CountSettings())}
    orders(history, "c1", "o1")
    assert judge_rules(store, rules, NOW).rules["learner"].refused
    orders(history, "c1", "o2", "o3")
    assert judge_rules(store, rules, NOW).rules["learner"].fitted


def test_flags_of_rules_no_longer_configured_are_cleared(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, RULES, NOW)
    assert retire_rules(store, RULES, NOW) == 0
    assert retire_rules(store, {}, NOW) == 1
    assert changes(store) == ["raised", "cleared"]


def test_a_subject_that_is_no_more_loses_its_flag(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, RULES, NOW)
    with store.write() as connection:
        connection.execute(text("DELETE FROM customer_fact"))
    assert judge_rules(store, RULES, NOW, changed_only=False).rules["many"].cleared == 1


def test_flags_keep_what_a_person_needs(store: Store, history: History) -> None:
    orders(history, "c1", "o1", "o2")
    judge_rules(store, RULES, NOW)
    (flag,) = standing_flags(store, rule="many", subject="customer", subject_id="1", limit=5)
    (reason,) = flag.reasons
    assert (reason.fact, reason.value, reason.threshold, reason.evidence) == ("orders", 2, 2, ("o1",))
    assert flag.raised_at == flag.changed_at == NOW
    assert standing_flags(store, rule="other") == []
