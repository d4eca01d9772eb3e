"""Complaints as cases: opened once, taken through five stages, promised no more than the cap, followed up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from care_shop import NOW, Shop
from sqlalchemy import select, update

from crmsync.care import cases
from crmsync.care.cases import CaseCard, OpenedCases, open_cases
from crmsync.config import Cases
from crmsync.rules.reasons import dump_reasons
from crmsync.sdk import Reason, Told, UsageError
from crmsync.store import Store
from crmsync.store.tables import Audit, Flag

CASES = Cases(open_on=["complaint"], owner="Li", compensation_cap={"CNY": Decimal(50)})


@pytest.fixture
def shop(store: Store) -> Iterator[Shop]:
    return Shop(store)


def complained(
    shop: Shop,
    type: str = "product",
    severity: str = "ordinary",
    order: str | None = None,
    of: int | None = None,
) -> int:
    """A customer with a flag as the rule `complaint` raises it."""
    customer = of or shop.customer(flag=None)
    flag = shop.flag(customer, "complaint", "medium", severity)
    tell(shop, flag, type, severity, order)
    return customer


def tell(shop: Shop, flag: int, type: str, severity: str = "ordinary", order: str | None = None) -> None:
    reasons = (
        Reason("review", "2026-03-01", Told("Gave a bad review."), evidence=(order,) if order else ()),
        Reason("type", type, Told("About the product.")),
        Reason("severity", severity, Told("An ordinary complaint.")),
    )
    with shop.store.write() as transaction:
        transaction.execute(update(Flag).where(Flag.id == flag).values(reasons=dump_reasons(reasons)))


def opened(shop: Shop, config: Cases = CASES) -> OpenedCases:
    return open_cases(shop.store, config, now=shop.clock.now())


def listed(shop: Shop, **options: Any) -> list[cases.ListedCase]:
    return cases.list_cases(shop.store, shop.clock.now(), **options)


def card(shop: Shop, id: int) -> CaseCard:
    return cases.show_case(shop.store, id, CASES, shop.clock.now())


def advance(shop: Shop, id: int, **options: Any) -> str:
    return cases.advance(shop.store, id, CASES, actor="Li", now=shop.clock.now(), **options)


def test_a_flag_opens_one_case_that_knows_what_the_flag_tells(shop: Shop) -> None:
    customer = complained(shop, "logistics", "serious")
    shop.order(shop.account(customer), "Tea", days_ago=3)
    [order] = [row.order_id for row in _lines(shop)]
    complained(shop, "product", order=order, of=shop.customer(flag=None))
    assert opened(shop) == OpenedCases(2)
    assert opened(shop) == OpenedCases()
    serious, ordinary = listed(shop)
    assert (serious.type, serious.severity, serious.customer_id) == ("logistics", "serious", customer)
    assert (serious.stage, serious.owner) == ("received", "Li")
    assert serious.due_at == NOW + timedelta(hours=2)
    assert ordinary.due_at == NOW + timedelta(hours=4)
    assert ordinary.order_id == order


def _lines(shop: Shop) -> list[Any]:
    from crmsync.store.tables import OrderLine

    with shop.store.read() as transaction:
        return list(transaction.execute(select(OrderLine.order_id)))


def test_the_product_is_that_of_an_order_with_only_one(shop: Shop) -> None:
    customer = shop.customer(flag=None)
    shop.order(shop.account(customer), "Tea", days_ago=3)
    [order] = [row.order_id for row in _lines(shop)]
    complained(shop, order=order, of=customer)
    opened(shop)
    assert listed(shop)[0].product_id == "Tea"


def test_flags_of_other_rules_and_cleared_ones_open_nothing(shop: Shop) -> None:
    shop.customer(flag="churn_risk")
    shop.clear(complained(shop))
    assert opened(shop) == OpenedCases()
    complained(shop)
    assert opened(shop, Cases()) == OpenedCases()


def test_a_flag_that_comes_to_tell_of_something_else_opens_another(shop: Shop) -> None:
    customer = complained(shop, order="o1")
    opened(shop)
    with shop.store.read() as transaction:
        flag = transaction.scalar(select(Flag.id).where(Flag.subject_id == str(customer)))
    tell(shop, flag, "logistics", order="o2")
    assert opened(shop) == OpenedCases(1)
    assert {case.type for case in listed(shop)} == {"product", "logistics"}


def test_a_case_opened_by_hand_answers_the_flag_that_comes_later(shop: Shop) -> None:
    customer = shop.customer(flag=None)
    by_hand = {"type": "product", "severity": "ordinary", "actor": "Wang", "now": NOW}
    id = cases.open_case(shop.store, customer, CASES, note="called us", **by_hand)
    with pytest.raises(UsageError, match=f"Case {id} of this customer"):
        cases.open_case(shop.store, customer, CASES, **by_hand)
    with pytest.raises(UsageError, match="no customer 999"):
        cases.open_case(shop.store, 999, CASES, **by_hand)
    complained(shop, of=customer)
    assert opened(shop) == OpenedCases(0, 1)
    assert opened(shop) == OpenedCases()
    assert [step.note for step in card(shop, id).history] == ["called us"]


def test_from_the_first_word_to_the_follow_up(shop: Shop) -> None:
    complained(shop)
    opened(shop)
    [case] = listed(shop)
    cases.assign(shop.store, case.id, "Wang", actor="Li", now=NOW)
    assert advance(shop, case.id, note="will look into it") == "accepted"
    assert advance(shop, case.id, note="the lid was cracked") == "explained"
    assert advance(shop, case.id, compensation=(Decimal("20"), "CNY")) == "solved"
    assert listed(shop)[0].due_at == NOW + timedelta(days=7)
    shop.clock.move(days=8)
    assert [found.id for found in listed(shop, overdue=True)] == [case.id]
    assert advance(shop, case.id, note="asked by phone") == "follow_up"
    assert advance(shop, case.id, resolved=False, note="still cracked") == "explained"
    assert advance(shop, case.id) == "solved"
    assert advance(shop, case.id) == "follow_up"
    assert advance(shop, case.id, resolved=True) == "closed"
    found = card(shop, case.id)
    assert (found.case.owner, found.resolved, found.compensation, found.currency) == (
        "Wang",
        True,
        2000,
        "CNY",
    )
    assert found.case.closed_at == shop.clock.now()
    assert [step.what for step in found.history] == [
        "opened",
        "assigned",
        *["advanced"] * 4,
        "reopened",
        *["advanced"] * 2,
        "closed",
    ]
    assert listed(shop) == []
    assert [one.id for one in listed(shop, closed=True)] == [case.id]
    assert opened(shop) == OpenedCases()
    for act in (
        lambda: advance(shop, case.id),
        lambda: cases.note(shop.store, case.id, "more", actor="Li", now=NOW),
        lambda: cases.assign(shop.store, case.id, "Li", actor="Li", now=NOW),
    ):
        with pytest.raises(UsageError, match="is closed"):
            act()
    with shop.store.read() as transaction:
        audited = transaction.scalars(select(Audit.detail)).all()
    assert len(audited) == 9
    assert not any("cracked" in detail for detail in audited)


def test_whoever_takes_a_case_of_nobody_has_it(shop: Shop) -> None:
    complained(shop)
    opened(shop, Cases(open_on=["complaint"]))
    [case] = listed(shop)
    assert case.owner is None
    advance(shop, case.id)
    assert listed(shop, owner="Li")[0].id == case.id


@pytest.mark.parametrize(
    ("compensation", "told"),
    [
        ((Decimal("50.01"), "CNY"), "CNY 50.00"),
        ((Decimal("1"), "USD"), "nothing"),
        ((Decimal("0"), "CNY"), "at most"),
        ((Decimal("-5"), "CNY"), "at most"),
    ],
)
def test_no_more_is_promised_than_the_cap(shop: Shop, compensation: tuple[Decimal, str], told: str) -> None:
    complained(shop)
    opened(shop)
    [case] = listed(shop)
    advance(shop, case.id)
    with pytest.raises(UsageError, match="with the solution"):
        advance(shop, case.id, compensation=(Decimal(20), "CNY"))
    advance(shop, case.id)
    with pytest.raises(UsageError, match=told):
        advance(shop, case.id, compensation=compensation)
    assert listed(shop)[0].stage == "explained"
    advance(shop, case.id, compensation=(Decimal(50), "CNY"))
    assert card(shop, case.id).compensation == 5000


def test_the_follow_up_needs_the_customers_answer_and_nothing_else_does(shop: Shop) -> None:
    complained(shop)
    opened(shop)
    [case] = listed(shop)
    with pytest.raises(UsageError, match="not been followed up"):
        advance(shop, case.id, resolved=True)
    for _ in range(4):
        advance(shop, case.id)
    with pytest.raises(UsageError, match="say whether it was resolved"):
        advance(shop, case.id)


def test_many_cases_of_one_product_are_a_fault_whose_answer_is_kept(shop: Shop) -> None:
    for product in ("stove", "stove", "kettle"):
        open_by_hand(shop, product)
    assert cases.recurring_faults(shop.store, CASES, shop.clock.now()) == []
    last = open_by_hand(shop, "stove")
    [fault] = cases.recurring_faults(shop.store, CASES, shop.clock.now())
    assert (fault.type, fault.product_id, fault.cases, fault.customers) == ("product", "stove", 3, 3)
    assert fault.answer is None
    cases.learn(shop.store, last, "Turn the valve first.", actor="Li", now=NOW)
    cases.learn(shop.store, last, "Turn the valve first; see the picture.", actor="Li", now=NOW)
    first = min(case.id for case in listed(shop))
    assert card(shop, first).answer == "Turn the valve first; see the picture."
    assert card(shop, first).alike == 2
    kettle = next(case.id for case in listed(shop) if case.product_id == "kettle")
    assert (card(shop, kettle).answer, card(shop, kettle).alike) == (None, 0)
    [fault] = cases.recurring_faults(shop.store, CASES, shop.clock.now())
    assert fault.answer == "Turn the valve first; see the picture."
    shop.clock.move(days=31)
    assert cases.recurring_faults(shop.store, CASES, shop.clock.now()) == []


def open_by_hand(shop: Shop, product: str) -> int:
    return cases.open_case(
        shop.store,
        shop.customer(flag=None),
        CASES,
        type="product",
        severity="ordinary",
        actor="Li",
        now=shop.clock.now(),
        product_id=product,
    )


def test_the_way_to_go_about_it_follows_the_severity(shop: Shop) -> None:
    complained(shop, severity="serious")
    complained(shop, "service")
    opened(shop)
    found = {case.severity: card(shop, case.id).checklist for case in listed(shop)}
    assert "".join(step.name[0] for step in found["serious"]) == "CLEAR"
    assert "".join(step.name[0] for step in found["ordinary"]) == "LSCIA"


def test_there_is_no_such_case(shop: Shop) -> None:
    with pytest.raises(UsageError, match="no case 7"):
        card(shop, 7)
    with pytest.raises(UsageError, match="no case 7"):
        advance(shop, 7)
