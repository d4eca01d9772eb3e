"""What gives a campaign a reason to write, and until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from care_shop import NOW, Shop, campaign
from sqlalchemy import insert, select, update

from crmsync.care.calendar import last_turn, same_day_in_earlier_years, today
from crmsync.care.cases import advance, note, open_case
from crmsync.care.cases.stage import CaseType
from crmsync.config import Cases, Schedule
from crmsync.store.tables import Flag, Segment, SegmentMember


def planned(shop: Shop) -> int:
    return shop.plan().planned


def when(shop: Shop, **trigger: Any) -> None:
    shop.campaigns = [campaign(when=trigger, cooldown="30d")]


def level(shop: Shop, customer: int, level: str) -> None:
    with shop.store.write() as transaction:
        transaction.execute(
            update(Flag)
            .where(Flag.subject_id == str(customer), Flag.cleared_at.is_(None))
            .values(level=level, changed_at=shop.clock.now())
        )


def test_a_raised_flag_is_answered_once_and_not_when_it_is_old(shop: Shop) -> None:
    when(shop, flag="churn_risk", change="raised")
    shop.customer()
    assert planned(shop) == 1
    shop.clock.move(days=31)
    assert planned(shop) == 0
    shop.customer()
    shop.clock.move(days=4)
    assert planned(shop) == 0


def test_a_delay_is_waited_for_and_the_flag_must_still_stand(shop: Shop) -> None:
    when(shop, flag="churn_risk", change="raised", after="2d")
    stays, goes = shop.customer(), shop.customer()
    shop.clock.move(days=1)
    assert planned(shop) == 0
    shop.clear(goes)
    shop.clock.move(days=1)
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [stays]


def test_only_a_change_of_level_is_a_change(shop: Shop) -> None:
    when(shop, flag="churn_risk", change="changed")
    shop.customer()
    changed = shop.customer(level="low")
    shop.clock.move(hours=1)
    level(shop, changed, "high")
    assert planned(shop) == 1
    assert [(m.customer_id, m.level) for m in shop.messages()] == [(changed, "high")]


def test_a_state_can_be_asked_for(shop: Shop) -> None:
    shop.campaigns = [campaign(when="lifecycle", state="declining")]
    shop.flag(shop.customer(flag=None), "lifecycle", state="declining")
    shop.flag(shop.customer(flag=None), "lifecycle", state="stable")
    shop.plan()
    assert [m.customer_id for m in shop.messages()] == [1]


def test_a_cleared_flag_is_answered_unless_it_stands_again(shop: Shop) -> None:
    when(shop, flag="churn_risk", change="cleared")
    well, again = shop.customer(), shop.customer()
    assert planned(shop) == 0
    shop.clear(well)
    shop.clear(again)
    shop.flag(again)
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [well]


@pytest.mark.parametrize("name", ["first_order", "last_order"])
def test_days_after_an_order(shop: Shop, name: str) -> None:
    when(shop, date=name, after="14d")
    for days_ago in (13.9, 14, 16.9, 17.1):
        customer = shop.customer(flag=None)
        shop.facts(customer, **{f"{name}_at": NOW - timedelta(days=days_ago)})
    shop.facts(shop.customer(flag=None))
    assert planned(shop) == 2
    assert [m.customer_id for m in shop.messages()] == [2, 3]
    assert {(m.level, m.flag_id) for m in shop.messages()} == {("", 0)}
    assert planned(shop) == 0


def test_days_after_the_last_delivery(shop: Shop) -> None:
    when(shop, date="delivery", after="7d")
    for days_ago, more in (
        (8, {}),
        (8, {"status": "cancelled"}),
        (8, {"deleted_at": NOW}),
        (6, {}),
        (11, {}),
    ):
        customer = shop.customer(flag=None)
        account = shop.account(customer)
        shop.order(account, "Tea", days_ago=20, delivered_at=NOW - timedelta(days=days_ago), **more)
    shop.plan()
    assert [m.customer_id for m in shop.messages()] == [1]


def test_an_anniversary_comes_each_year_and_not_on_the_day_itself(shop: Shop) -> None:
    when(shop, date="anniversary")
    shop.campaigns = [campaign(when={"date": "anniversary"}, cooldown="300d")]
    epoch = date(1970, 1, 1)
    for first in (date(2026, 3, 4), date(2025, 3, 4), date(2016, 3, 4), date(2025, 3, 5), date(2025, 2, 20)):
        shop.facts(shop.customer(flag=None), first_day=(first - epoch).days)
    assert planned(shop) == 2
    assert [m.customer_id for m in shop.messages()] == [2, 3]
    shop.clock.move(days=365)
    assert planned(shop) == 3


def test_days_before_an_anniversary(shop: Shop) -> None:
    when(shop, date="anniversary", before="3d")
    shop.facts(shop.customer(flag=None), first_day=(date(2025, 3, 7) - date(1970, 1, 1)).days)
    assert planned(shop) == 1


def test_a_birthday_comes_each_year(shop: Shop) -> None:
    when(shop, date="birthday")
    shop.campaigns = [campaign(when={"date": "birthday"}, cooldown="300d")]
    for born in ("03-04", "03-05", None, "02-29", "02-01"):
        shop.customer(flag=None, birthday=born)
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [1]
    assert planned(shop) == 0
    shop.clock.time = NOW.replace(year=2027, month=2, day=28)
    assert planned(shop) == 1
    shop.clock.time = NOW.replace(year=2027)
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [1, 4, 1]


def test_days_before_a_birthday_and_across_the_end_of_the_year(shop: Shop) -> None:
    when(shop, date="birthday", before="3d")
    shop.clock.time = NOW.replace(year=2026, month=12, day=30)
    shop.customer(flag=None, birthday="01-02")
    shop.customer(flag=None, birthday="12-30")
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [1]


def test_two_accounts_of_one_customer_have_one_birthday(shop: Shop) -> None:
    when(shop, date="birthday")
    customer = shop.customer(flag=None, birthday="03-04")
    shop.customer(flag=None, birthday="03-04", of=customer)
    (found,) = shop.preview()
    assert (found.occasions, found.would_send) == (1, 1)
    assert "birthday" in found.examples[0].why.text("en")


def test_a_birthday_of_an_account_that_is_gone_is_nobodys(shop: Shop) -> None:
    when(shop, date="birthday")
    shop.customer(flag=None, birthday="03-04", deleted_at=NOW)
    assert planned(shop) == 0


def test_a_schedule_answers_the_flags_that_stood_when_it_came_round(shop: Shop) -> None:
    when(shop, schedule="cron 0 10 4 * * Asia/Shanghai", flag="vip")
    shop.clock.time = NOW - timedelta(days=1)
    shop.customer(flag="vip")
    shop.customer()
    assert planned(shop) == 0
    shop.clock.time = NOW
    shop.customer(flag="vip")
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [1]
    assert planned(shop) == 0
    shop.clock.move(days=31)
    assert planned(shop) == 2


def stay(shop: Shop, customer: int, days_ago: float, left: float | None = None) -> None:
    begun = shop.clock.now() - timedelta(days=days_ago)
    with shop.store.write() as transaction:
        if transaction.scalar(select(Segment.name)) is None:
            seen = {"selection": "orders > 1", "refresh_id": 0, "event_id": 0}
            transaction.execute(insert(Segment).values(name="asleep", **seen, refreshed_at=NOW, full_at=NOW))
        transaction.execute(
            insert(SegmentMember).values(
                segment="asleep",
                customer_id=customer,
                entered_at=begun,
                left_at=None if left is None else shop.clock.now() - timedelta(days=left),
            )
        )


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ({"segment": "asleep"}, [1, 2, 5]),
        ({"segment": "asleep", "after": "2d"}, [1, 5]),
        ({"segment": "asleep", "change": "entered"}, [2, 5]),
        ({"segment": "asleep", "change": "left"}, [3]),
        ({"segment": "asleep", "schedule": "cron 0 2 3 * * UTC"}, [1, 5]),
    ],
    ids=str,
)
def test_members_of_a_segment(shop: Shop, trigger: dict[str, Any], expected: list[int]) -> None:
    customers = [shop.customer(flag=None) for _ in range(6)]
    stay(shop, customers[0], 30)
    stay(shop, customers[1], 1)
    stay(shop, customers[2], 30, left=1)
    stay(shop, customers[3], 30, left=9)
    stay(shop, customers[4], 30, left=2.8)
    stay(shop, customers[4], 2.5)
    when(shop, **trigger)
    shop.plan()
    assert [m.customer_id for m in shop.messages()] == expected
    assert planned(shop) == 0


CASES = Cases()


def case(shop: Shop, customer: int, type: CaseType = "product", order: str | None = None) -> int:
    return open_case(
        shop.store,
        customer,
        CASES,
        type=type,
        severity="ordinary",
        order_id=order,
        actor="ann",
        now=shop.clock.now(),
    )


def take(shop: Shop, case: int, *, to: str, resolved: bool | None = None) -> None:
    while advance(shop.store, case, CASES, actor="ann", now=shop.clock.now(), resolved=resolved) != to:
        pass


def test_a_case_that_came_to_its_stage_is_answered_once(shop: Shop) -> None:
    when(shop, case="solved", after="2d")
    there, _elsewhere, moved_on = (shop.customer(flag=None) for _ in range(3))
    take(shop, case(shop, there), to="solved")
    goes = case(shop, moved_on)
    take(shop, goes, to="solved")
    assert planned(shop) == 0
    shop.clock.move(days=2)
    take(shop, goes, to="follow_up")
    assert planned(shop) == 1
    assert [m.customer_id for m in shop.messages()] == [there]
    assert planned(shop) == 0


def test_a_case_that_came_there_long_ago_is_not_answered(shop: Shop) -> None:
    take(shop, case(shop, shop.customer(flag=None)), to="solved")
    shop.clock.move(days=4)
    when(shop, case="solved")
    assert planned(shop) == 0


def test_what_was_said_of_a_case_does_not_bring_it_to_its_stage_again(shop: Shop) -> None:
    opened = case(shop, shop.customer(flag=None))
    shop.clock.move(days=4)
    note(shop.store, opened, "called again", actor="ann", now=shop.clock.now())
    when(shop, case="received")
    assert planned(shop) == 0


def test_a_closed_case_is_asked_after_and_the_latest_of_several_counts(shop: Shop) -> None:
    shop.campaigns = [campaign(when={"case": "closed"}, template="follow_up", purpose="service")]
    customer = shop.customer(flag=None)
    for type in ("product", "logistics"):
        done = case(shop, customer, type)
        take(shop, done, to="follow_up")
        take(shop, done, to="closed", resolved=True)
        shop.clock.move(hours=1)
    assert planned(shop) == 1
    assert "with a delivery" in shop.messages()[0].body


def test_cases_of_one_type_can_be_asked_for(shop: Shop) -> None:
    shop.campaigns = [campaign(when={"case": "received"}, state="logistics")]
    case(shop, shop.customer(flag=None))
    late = shop.customer(flag=None)
    case(shop, late, "logistics")
    shop.plan()
    assert [m.customer_id for m in shop.messages()] == [late]


def test_an_audience_is_a_segment(shop: Shop) -> None:
    shop.campaigns = [campaign(segment="asleep")]
    inside, outside, _ = shop.customer(), shop.customer(), shop.customer()
    stay(shop, inside, 5)
    stay(shop, outside, 5, left=1)
    found = shop.plan().campaigns["win-back"]
    assert (found.occasions, [m.customer_id for m in shop.messages()]) == (1, [inside])


@pytest.mark.parametrize(
    ("schedule", "within", "expected"),
    [
        ("cron 0 10 * * * Asia/Shanghai", "3d", datetime(2026, 3, 4, 2, tzinfo=UTC)),
        ("cron */5 * * * *", "3d", NOW),
        ("cron 0 0 1 * *", "3d", None),
        ("cron 0 0 1 * *", "4d", datetime(2026, 3, 1, tzinfo=UTC)),
        ("every 1d", "3d", datetime(2026, 3, 4, tzinfo=UTC)),
        ("every 400d", "3d", None),
    ],
)
def test_the_last_turn_of_a_schedule(schedule: str, within: str, expected: datetime | None) -> None:
    days = timedelta(days=int(within.removesuffix("d")))
    assert last_turn(Schedule.parse(schedule), NOW, days) == expected


def test_a_leap_days_anniversary_is_on_the_28th_in_other_years() -> None:
    assert date(2024, 2, 29) in same_day_in_earlier_years(date(2026, 2, 28))
    assert date(2024, 2, 29) not in same_day_in_earlier_years(date(2028, 2, 28))
    assert same_day_in_earlier_years(date(2028, 2, 29))[0] == date(2024, 2, 29)


def test_a_day_has_begun_when_it_has_in_every_shop() -> None:
    late = datetime(2026, 3, 4, 17, tzinfo=UTC)
    assert today(["Asia/Shanghai"], late) == date(2026, 3, 5)
    assert today(["Asia/Shanghai", "Europe/Berlin"], late) == date(2026, 3, 4)
    assert today([], late) == date(2026, 3, 4)
