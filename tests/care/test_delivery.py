from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from care_shop import NOW, Killed, Mortal, Shop, campaign
from sqlalchemy import select, update

from crmsync.care import approve, attempts, ledger, reason, recover, suppress, withdraw_consent
from crmsync.care.erasure import erase
from crmsync.config import Limits, QuietHours
from crmsync.sdk import (
    AuthError,
    OutgoingMessage,
    PermanentError,
    RateLimited,
    SentMessage,
    Stopped,
    TransientError,
    Unconfirmed,
    Veto,
)
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account, Message


def planned(shop: Shop, customers: int = 1) -> None:
    for _ in range(customers):
        shop.customer()
    shop.plan()


def test_what_is_due_is_sent_once_under_its_key(shop: Shop) -> None:
    planned(shop, 3)
    assert shop.deliver(batch=2).sent == 3
    assert shop.deliver().sent == 0
    assert shop.channel.sends == [m.key for m in shop.messages()]
    assert shop.states() == ["sent"] * 3


def test_a_sent_message_keeps_its_receipt_and_its_attempt(shop: Shop) -> None:
    planned(shop)
    shop.deliver()
    (message,) = shop.messages()
    (attempt,) = attempts(shop.store, message.id)
    assert message.sent_at == NOW
    assert message.reference == attempt.reference == f"ref-{message.key[:6]}"
    assert (attempt.outcome, attempt.ended_at) == ("sent", NOW)
    assert not message.doubtful


def test_the_event_tells_what_was_sent_and_its_failure_changes_nothing(shop: Shop) -> None:
    told: list[SentMessage] = []

    def hook(message: SentMessage) -> None:
        told.append(message)
        raise RuntimeError

    planned(shop)
    assert shop.deliver(on_sent=hook).sent == 1
    assert (told[0].campaign, told[0].connection) == ("win-back", "shop")
    assert shop.states() == ["sent"]


def test_consent_withdrawn_after_planning_stops_the_message(shop: Shop) -> None:
    planned(shop)
    shop.clock.move(minutes=1)
    withdraw_consent(shop.store, "shop", "c1", actor="ann", now=shop.clock.now())
    assert shop.deliver().sent == 0
    assert [(m.state, m.reason) for m in shop.messages()] == [("suppressed", reason.REFUSED)]


@pytest.mark.parametrize(
    ("kind", "value"), [("account", "shop:c1"), ("email", " C1@Example.com "), ("phone", "+86 138-0000")]
)
def test_an_address_on_the_list_is_never_written_to(shop: Shop, kind: Any, value: str) -> None:
    shop.customer(phone="86 138 0000")
    shop.customer()
    shop.plan()
    assert suppress(shop.store, kind, value, why="asked", actor="ann", now=NOW)
    assert not suppress(shop.store, kind, value, why="asked", actor="ann", now=NOW)
    shop.deliver()
    assert shop.states() == ["suppressed", "sent"]


def test_a_suppression_of_another_medium_stops_nothing(shop: Shop) -> None:
    planned(shop)
    suppress(shop.store, "email", "c1@example.com", why="bounced", actor="ann", now=NOW, medium="email")
    assert shop.deliver().sent == 1


def test_an_account_that_is_gone_is_not_written_to(shop: Shop) -> None:
    planned(shop)
    with shop.store.write() as transaction:
        transaction.execute(update(Account).values(deleted_at=NOW))
    shop.deliver()
    assert [(m.state, m.reason) for m in shop.messages()] == [("suppressed", reason.ACCOUNT_GONE)]


def test_quiet_hours_of_the_shops_zone_postpone_to_their_end(shop: Shop) -> None:
    shop.campaigns = [campaign(quiet_hours=QuietHours(time(21), time(9)))]
    shop.clock.time = datetime(2026, 3, 4, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai
    planned(shop)
    assert shop.deliver().counts == {"postponed": 1}
    (message,) = shop.messages()
    assert message.next_attempt_at == datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
    shop.clock.time = message.next_attempt_at - timedelta(seconds=1)
    assert shop.deliver().counts == {}
    shop.clock.move(seconds=1)
    assert shop.deliver().sent == 1


def test_each_shop_has_its_own_quiet_hours(shop: Shop) -> None:
    shop.campaigns = [campaign(quiet_hours=QuietHours(time(21), time(9)))]
    shop.connect("berlin", "Europe/Berlin")
    shop.customer(on="berlin")
    planned(shop)
    shop.deliver()  # noon in Shanghai, five in the morning in Berlin
    assert shop.states() == ["queued", "sent"]


def test_a_zone_that_nobody_knows_counts_as_utc(shop: Shop) -> None:
    shop.campaigns = [campaign(quiet_hours=QuietHours(time(3), time(5)))]
    shop.connect("moon", "Moon/Tranquility")
    shop.customer(on="moon")
    shop.plan()
    shop.deliver()
    assert shop.messages()[0].next_attempt_at == datetime(2026, 3, 4, 5, 0, tzinfo=UTC)


def test_the_daily_cap_holds_and_the_rest_follows_the_next_day(shop: Shop) -> None:
    shop.campaigns = [campaign(daily_cap=2)]
    planned(shop, 5)
    assert shop.deliver().counts == {"sent": 2, "postponed": 3}
    waiting = [m for m in shop.messages() if m.state == "queued"]
    assert {m.reason for m in waiting} == {reason.DAILY_CAP}
    assert {m.next_attempt_at for m in waiting} == {datetime(2026, 3, 4, 16, 0, tzinfo=UTC)}
    shop.clock.time = waiting[0].next_attempt_at
    assert shop.deliver().counts == {"sent": 2, "postponed": 1}


def test_what_may_have_arrived_counts_towards_the_cap(shop: Shop) -> None:
    shop.campaigns = [campaign(daily_cap=1)]
    shop.channel.promise = "none"
    shop.channel.fail = lambda message: Unconfirmed()
    planned(shop, 2)
    shop.deliver()
    assert shop.states() == ["unknown", "queued"]


def test_the_customers_limit_holds_when_sending(shop: Shop) -> None:
    shop.campaigns = [campaign(), campaign(name="more")]
    planned(shop)
    shop.limits = Limits(per_customer=1, period="7d")
    assert shop.deliver().counts == {"sent": 1, "postponed": 1}
    waiting = shop.messages()[1]
    assert (waiting.reason, waiting.next_attempt_at) == (reason.CUSTOMER_LIMIT, NOW + timedelta(days=7))


def test_service_messages_are_outside_the_customers_limit(shop: Shop) -> None:
    shop.campaigns = [campaign(), campaign(name="sorry", purpose="service")]
    planned(shop)
    shop.limits = Limits(per_customer=1)
    assert shop.deliver().sent == 2


def test_a_message_that_is_late_expires_unsent(shop: Shop) -> None:
    planned(shop)
    shop.clock.move(hours=72)
    assert shop.deliver().counts == {"expired": 1}
    assert shop.channel.sends == []


def test_a_stop_for_all_sends_nothing(shop: Shop) -> None:
    planned(shop)
    shop.limits = Limits(stop=True)
    assert shop.deliver().counts == {}
    assert shop.states() == ["queued"]


def test_a_campaign_that_is_off_or_gone_keeps_its_messages(shop: Shop) -> None:
    planned(shop)
    shop.campaigns = [campaign(enabled=False)]
    assert shop.deliver().sent == 0
    shop.campaigns = [campaign(name="other")]
    assert shop.deliver().sent == 0
    assert shop.states() == ["queued"]


def test_a_veto_holds_until_a_person_overrules_it(shop: Shop) -> None:
    def review(message: OutgoingMessage) -> Veto | None:
        return Veto("it says nothing") if message.id == first else None

    planned(shop, 2)
    first = shop.messages()[0].id
    assert shop.deliver(review=review).counts == {"awaiting_approval": 1, "sent": 1}
    assert shop.messages()[0].reason == "it says nothing"
    assert approve(shop.store, actor="ann", now=NOW, campaign="win-back") == 0
    assert approve(shop.store, actor="ann", now=NOW, ids=[first]) == 1
    assert shop.deliver(review=review).sent == 1


def test_a_review_that_fails_holds_and_approving_asks_it_again(shop: Shop) -> None:
    def review(message: OutgoingMessage) -> Veto | None:
        raise SystemExit("secret")

    planned(shop)
    shop.deliver(review=review)
    (message,) = shop.messages()
    assert (message.state, message.held) == ("awaiting_approval", "error")
    assert "secret" not in message.reason
    approve(shop.store, actor="ann", now=NOW, ids=[message.id])
    shop.deliver(review=review)
    assert shop.states() == ["awaiting_approval"]
    assert shop.channel.sends == []


def test_a_transient_failure_is_tried_again_later_under_the_same_key(shop: Shop) -> None:
    planned(shop)
    shop.channel.fail = lambda message: TransientError("busy")
    assert shop.deliver().counts == {"failed": 1}
    (message,) = shop.messages()
    assert NOW < message.next_attempt_at <= NOW + timedelta(minutes=2)
    assert (message.reason, message.doubtful) == ("busy", False)
    shop.channel.fail = lambda message: None
    shop.clock.time = message.next_attempt_at
    assert shop.deliver().sent == 1
    assert len(set(shop.channel.sends)) == 1
    assert [a.outcome for a in attempts(shop.store, message.id)] == ["failed", "sent"]


def test_after_eight_failures_it_is_given_up(shop: Shop) -> None:
    shop.campaigns = [campaign(expires="90d")]
    planned(shop)
    shop.channel.fail = lambda message: TransientError("busy")
    waits = []
    for _ in range(9):
        shop.deliver(jitter=random.Random(1))
        (message,) = shop.messages()
        waits.append(message.next_attempt_at - shop.clock.now())
        shop.clock.time = max(message.next_attempt_at, shop.clock.now())
    assert shop.states() == ["dead"]
    assert len(shop.channel.sends) == 8
    assert max(waits) <= timedelta(hours=6)


def test_a_permanent_failure_is_final_and_stops_no_other(shop: Shop) -> None:
    planned(shop, 3)
    bad = shop.messages()[0].id
    shop.channel.fail = lambda message: PermanentError("no such buyer") if message.id == bad else None
    assert shop.deliver().counts == {"dead": 1, "sent": 2}
    assert shop.messages()[0].reason == "no such buyer"


def test_refused_credentials_leave_the_lane_alone_for_this_pass(shop: Shop) -> None:
    shop.connect("second")
    shop.customer(on="second")
    planned(shop, 3)
    shop.channel.fail = lambda m: AuthError("expired") if m.recipient.connection == "shop" else None
    result = shop.deliver()
    assert result.paused == {("fake", "shop"): "expired"}
    assert len(shop.channel.sends) == 2
    assert shop.states() == ["sent", "queued", "queued", "queued"]
    shop.channel.fail = lambda message: None
    assert shop.deliver().sent == 3


def test_a_pause_holds_the_whole_lane_until_it_ends(shop: Shop) -> None:
    planned(shop, 3)
    until = NOW + timedelta(minutes=10)
    shop.channel.fail = lambda message: RateLimited("slow down", until=until)
    shop.deliver()
    assert len(shop.channel.sends) == 1
    assert {m.next_attempt_at for m in shop.messages()} == {until}
    shop.channel.fail = lambda message: None
    assert shop.deliver().sent == 0
    shop.clock.time = until
    assert shop.deliver().sent == 3


@pytest.mark.parametrize("until", [None, NOW - timedelta(days=1), NOW + timedelta(days=4000)])
def test_a_pause_without_sense_is_a_short_one(shop: Shop, until: datetime | None) -> None:
    planned(shop)
    shop.channel.fail = lambda message: RateLimited(until=until)
    shop.deliver()
    assert NOW <= shop.messages()[0].next_attempt_at <= NOW + timedelta(hours=1)


def test_a_lane_that_only_fails_is_left_alone_after_a_while(shop: Shop) -> None:
    planned(shop, 9)
    shop.channel.fail = lambda message: TransientError("down")
    result = shop.deliver()
    assert len(shop.channel.sends) == 5
    assert result.paused == {("fake", "shop"): "down"}
    assert shop.states().count("queued") == 4


@pytest.mark.parametrize("error", [Unconfirmed("no answer"), ValueError("bug"), SystemExit(3)])
def test_on_none_a_doubtful_message_waits_for_a_person(shop: Shop, error: BaseException) -> None:
    shop.channel.promise = "none"
    planned(shop, 2)
    first = shop.messages()[0].id
    shop.channel.fail_after = lambda message: error if message.id == first else None
    assert shop.deliver().counts == {"unknown": 1, "sent": 1}
    shop.clock.move(hours=1)
    shop.deliver()
    assert len(shop.channel.sends) == 2


def test_on_key_a_doubtful_message_is_repeated_under_its_key(shop: Shop) -> None:
    planned(shop)
    shop.channel.fail_after = lambda message: Unconfirmed("no answer")
    assert shop.deliver().counts == {"failed": 1}
    assert shop.messages()[0].doubtful
    shop.channel.fail_after = lambda message: None
    shop.clock.move(hours=1)
    result = shop.deliver()
    assert (result.sent, result.repeated) == (1, 1)
    assert len(shop.channel.delivered) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_on_lookup_the_platform_is_asked_before_anything_is_repeated(shop: Shop, arrived: bool) -> None:
    shop.channel.promise = "lookup"
    planned(shop)
    if arrived:
        shop.channel.fail_after = lambda message: Unconfirmed()
    else:
        shop.channel.fail = lambda message: Unconfirmed()
    shop.deliver()
    shop.channel.fail = shop.channel.fail_after = lambda message: None
    assert shop.deliver().counts == {}
    shop.clock.move(hours=1)
    assert shop.deliver().sent == 1
    assert len(shop.channel.lookups) == 1
    assert len(shop.channel.sends) == (1 if arrived else 2)
    assert len(shop.channel.delivered) == 1


def test_a_lookup_that_fails_is_asked_again_and_in_the_end_left_to_a_person(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.campaigns = [campaign(expires="90d")]
    shop.channel.promise = "lookup"
    planned(shop)
    shop.channel.fail_after = lambda message: Unconfirmed()
    shop.deliver()

    def broken(message: OutgoingMessage, key: str) -> None:
        raise TransientError("down")

    monkeypatch.setattr(shop.channel, "lookup", broken)
    for _ in range(9):
        shop.clock.move(hours=7)
        shop.deliver()
    assert shop.states() == ["unknown"]
    assert len(shop.channel.sends) == 1


def test_a_doubtful_message_that_must_not_go_again_is_unknown_not_suppressed(shop: Shop) -> None:
    planned(shop)
    shop.channel.fail_after = lambda message: Unconfirmed()
    shop.deliver()
    shop.clock.move(minutes=30)
    withdraw_consent(shop.store, "shop", "c1", actor="ann", now=shop.clock.now())
    shop.deliver()
    assert [(m.state, m.reason) for m in shop.messages()] == [("unknown", reason.REFUSED)]
    assert len(shop.channel.sends) == 1


def test_a_promise_that_changed_is_not_relied_on(shop: Shop) -> None:
    planned(shop)
    shop.channel.fail_after = lambda message: Unconfirmed()
    shop.deliver()
    shop.channel.promise = "none"
    shop.clock.move(hours=1)
    shop.deliver()
    assert shop.states() == ["unknown"]
    assert len(shop.channel.sends) == 1


def test_a_channel_that_returns_no_receipt_has_not_confirmed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.channel.promise = "none"
    planned(shop)
    monkeypatch.setattr(shop.channel, "send", lambda message, key: None)
    shop.deliver()
    assert shop.states() == ["unknown"]


def test_a_stop_finishes_the_message_in_hand_and_leaves_nothing_claimed(shop: Shop) -> None:
    stop = threading.Event()
    planned(shop, 4)

    def stopping(message: OutgoingMessage) -> None:
        if len(shop.channel.sends) == 2:
            stop.set()

    shop.channel.fail = stopping  # type: ignore[assignment]
    assert shop.deliver(stop=stop).sent == 2
    assert shop.states() == ["sent", "sent", "queued", "queued"]
    assert shop.deliver().sent == 2


def test_a_channel_stopped_while_it_waits_loses_nothing(shop: Shop) -> None:
    planned(shop)
    shop.channel.fail = lambda message: Stopped()
    shop.deliver(at_most=1)
    assert shop.states() == ["queued"]
    shop.channel.fail = lambda message: None
    assert shop.deliver().sent == 1


def test_a_pass_ends_after_so_many_messages_and_says_that_more_are_due(shop: Shop) -> None:
    planned(shop, 5)
    result = shop.deliver(at_most=3, batch=2)
    assert (result.sent, result.more) == (3, True)
    result = shop.deliver(at_most=3, batch=2)
    assert (result.sent, result.more) == (2, False)


def test_whoever_took_a_message_over_has_the_last_word(shop: Shop) -> None:
    planned(shop)

    def stolen(message: OutgoingMessage) -> None:
        with shop.store.write() as transaction:
            transaction.execute(update(Message).values(fence=Message.fence + 1))

    shop.channel.fail = stolen  # type: ignore[assignment]
    assert shop.deliver().sent == 0
    assert shop.states() == ["claimed"]


def test_the_ledger_adds_up(shop: Shop) -> None:
    shop.customer(consent=None)
    planned(shop, 3)
    bad = shop.messages()[1].id
    shop.channel.fail = lambda message: PermanentError() if message.id == bad else None
    shop.deliver()
    book = ledger(shop.store, NOW)
    assert book.planned == book.states.total() == 4
    assert +book.states == {"sent": 2, "dead": 1, "suppressed": 1}
    assert book.campaigns == {"win-back": +book.states}


def said_of_the_second(shop: Shop, deed: str) -> None:
    now = shop.clock.now()
    if deed == "withdrawn":
        withdraw_consent(shop.store, "shop", "c2", actor="ann", now=now)
    elif deed == "suppressed":
        suppress(shop.store, "email", "c2@example.com", why="asked", actor="ann", now=now)
    elif deed == "erased":
        erase(shop.store, Keyring(shop.store), customer_of(shop, "c2"), actor="ann", now=now)
    else:
        with shop.store.write() as transaction:
            first, second = customer_of(shop, "c1"), customer_of(shop, "c2")
            transaction.execute(
                update(Account).where(Account.customer_id == second).values(customer_id=first)
            )


def customer_of(shop: Shop, account: str) -> int:
    with shop.store.read() as transaction:
        found = transaction.scalar(select(Account.customer_id).where(Account.external_id == account))
    assert found is not None
    return int(found)


@pytest.mark.parametrize("deed", ["withdrawn", "suppressed", "erased", "united"])
@pytest.mark.parametrize("when", [1, 3, 5])
def test_what_others_say_while_a_batch_is_on_its_way_holds_for_the_next(
    shop: Shop, deed: str, when: int
) -> None:
    """Also after messages of which all was read ahead."""
    shop.channel.promise = "none"
    shop.limits = Limits(per_customer=1)
    planned(shop, 2)
    for _ in range(4):
        shop.customer()
    shop.plan()
    with shop.store.write() as transaction:
        transaction.execute(
            update(Message)
            .where(Message.account_id == "c2")
            .values(next_attempt_at=NOW + timedelta(minutes=1))
        )
    shop.clock.move(minutes=2)
    sends = iter(range(1, 9))

    def meanwhile(message: OutgoingMessage) -> None:
        if next(sends) == when:
            said_of_the_second(shop, deed)

    shop.channel.fail = meanwhile  # type: ignore[assignment]
    shop.deliver()
    written = [message.recipient.account_id for _, message, _ in shop.channel.delivered]
    assert written == ["c1", "c3", "c4", "c5", "c6"]


def test_what_surely_did_not_arrive_uses_up_no_limit_of_what_follows(shop: Shop) -> None:
    shop.channel.promise = "none"
    shop.campaigns = [campaign(), campaign(name="again", template="vip_thanks")]
    planned(shop)
    shop.customer()
    shop.plan()
    first = shop.messages()[0].id
    shop.limits = Limits(per_customer=1)
    shop.channel.fail = lambda message: PermanentError() if message.id == first else None
    assert shop.deliver().sent == 2
    assert shop.states().count("dead") == 1


@pytest.mark.parametrize("limit", ["daily cap", "limit of the customer"])
def test_what_may_have_arrived_keeps_its_place_before_what_is_tried_with_it(shop: Shop, limit: str) -> None:
    common: dict[str, Any] = {"daily_cap": 1 if limit == "daily cap" else 50}
    shop.campaigns = [campaign(**common), campaign(**common, name="again", template="vip_thanks")]
    shop.customer()
    if limit == "daily cap":
        shop.campaigns.pop()
        shop.customer()
    shop.plan()
    first, second = (message.id for message in shop.messages())
    shop.limits = Limits(per_customer=1)
    shop.channel.fail_after = lambda message: RuntimeError("the answer was lost")
    shop.deliver()
    shop.channel.fail_after = lambda message: None
    with shop.store.write() as transaction:
        transaction.execute(update(Message).where(Message.id == second).values(next_attempt_at=NOW))
    shop.clock.move(minutes=10)
    shop.deliver()
    assert [message.id for _, message, _ in shop.channel.delivered] == [first]
    assert shop.states() == ["sent", "queued"]


def dies(shop: Shop, *, after: bool) -> None:
    """A pass whose process is gone before or after its first message arrives; then another begins."""
    whole = shop.store
    shop.store = mortal = Mortal(whole)  # type: ignore[assignment]
    setattr(shop.channel, "fail_after" if after else "fail", mortal.die)
    with pytest.raises(Killed):
        shop.deliver()
    shop.store = whole
    shop.channel.fail = shop.channel.fail_after = lambda message: None
    assert recover(shop.store, now=shop.clock.now()).doubtful == 2


@pytest.mark.parametrize("arrived", [True, False])
def test_two_in_doubt_whose_customers_turn_out_to_be_one_do_not_both_go_out(
    shop: Shop, arrived: bool
) -> None:
    shop.limits = Limits(per_customer=1, period="7d")
    planned(shop, 2)
    first, second = (message.customer_id for message in shop.messages())
    # Both attempts begin in one transaction.
    dies(shop, after=arrived)
    with shop.store.write() as transaction:
        transaction.execute(update(Account).where(Account.customer_id == second).values(customer_id=first))
    shop.clock.move(hours=1)
    assert shop.deliver().counts == {"postponed": 2}
    assert len(shop.channel.delivered) == arrived
    assert all(message.doubtful for message in shop.messages())


def test_one_in_doubt_goes_out_again_where_the_limit_leaves_room_for_it(shop: Shop) -> None:
    shop.limits = Limits(per_customer=2, period="7d")
    shop.campaigns = [campaign(), campaign(name="more")]
    planned(shop)
    dies(shop, after=True)
    shop.clock.move(hours=1)
    shop.deliver()
    assert shop.states() == ["sent", "sent"]
