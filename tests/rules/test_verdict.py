"""What each rule says of one subject, with or without a flag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from histories import History, day

from crmsync.care import set_profiling
from crmsync.insight import refresh_facts
from crmsync.rules import judge_rules, standing_flags, verdicts
from crmsync.sdk import Facts, Finding, Model, Reason, Rule, Settings, Told
from crmsync.store import Store

NOW = day(100)


class ManyOrders(Rule[Settings]):
    """Customers with more orders than its model says; one fewer keeps a flag."""

    name = "many"
    title = "Many orders"
    Settings = Settings

    @property
    def subject(self) -> Any:
        return "customer"

    def fit(self, facts: Facts) -> Model | None:
        return Model("most", {"limit": 2}, refusal=Told("Only a guess."))

    def judge(self, facts: Facts, model: Model | None) -> Iterator[Finding]:
        limit = model.parameters["limit"] if model else 99
        for row in facts:
            if row["orders"] >= limit - 1:
                reason = Reason("orders", row["orders"], Told("{n} orders", {"n": row["orders"]}), limit)
                yield Finding(row["id"], "high", 1, (reason,), raises=row["orders"] >= limit)


class WithAWayBack(ManyOrders):
    name = "back"

    def clears(self, finding: Finding) -> Iterable[Told]:
        return [Told("Cancel one.")]


class OfProducts(ManyOrders):
    name = "products"

    @property
    def subject(self) -> Any:
        return "product"


RULES = {
    "many": ManyOrders(Settings()),
    "back": WithAWayBack(Settings()),
    "products": OfProducts(Settings()),
}


def test_every_rule_of_the_kind_says_its_word(store: Store, history: History) -> None:
    for number, account in enumerate(("c1", "c1", "c2", "c3", "c3", "c3")):
        history.order(f"o{number}", account, at=number, status="cancelled" if number in (3, 4, 5) else "paid")
    history.save()
    refresh_facts(store, NOW)
    assert [v.note.text() for v in verdicts(store, RULES, "customer", "1", NOW) if v.note] == [
        "It has not judged yet.",
        "It has not judged yet.",
    ]
    judge_rules(store, RULES, NOW)
    before = standing_flags(store)

    many, back = verdicts(store, RULES, "customer", "1", NOW)
    assert (many.rule, many.level, many.note) == ("many", "high", None)
    assert [reason.told.text() for reason in many.reasons] == ["2 orders"]
    assert [way.text() for way in many.clears] == ["It clears when orders, now 2, is on the other side of 2."]
    assert [way.text() for way in back.clears] == ["Cancel one."]
    assert many.refused is not None

    kept = verdicts(store, RULES, "customer", "2", NOW)[0]
    assert kept.level == "high"
    assert kept.note is not None
    assert kept.note.text("zh") == "不足以新立标记，但足以保留已有的标记。"

    clear = verdicts(store, RULES, "customer", "3", NOW)[0]
    assert (clear.level, clear.reasons, clear.clears) == (None, (), ())
    assert clear.note is not None
    assert clear.note.text() == "Nothing speaks for a flag."
    assert standing_flags(store) == before


def test_of_whom_nothing_may_be_known_nothing_is_said(store: Store, history: History) -> None:
    history.order("o1", "c1")
    history.save()
    refresh_facts(store, NOW)
    judge_rules(store, RULES, NOW)
    set_profiling(store, 1, granted=False, actor="ann", now=NOW)
    verdict = verdicts(store, RULES, "customer", "1", NOW)[0]
    assert verdict.level is None
    assert verdict.note is not None
    assert "refuses" in verdict.note.text()
    assert verdicts(store, RULES, "agent", "shop/a1", NOW) == []
