"""Channels that take several messages at once, are paced, or do not work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from care_shop import NOW, FakeChannel, Killed, Mortal, Shop, campaign
from sqlalchemy import update

from crmsync.care import broken_lanes, ledger_faults, recover, reset_lane
from crmsync.sdk import (
    AuthError,
    CrmsyncError,
    OutgoingMessage,
    PermanentError,
    Rate,
    RateLimited,
    Receipt,
    TransientError,
    Unconfirmed,
)
from crmsync.store.tables import Message


class BatchChannel(FakeChannel):
    """Takes four at once, and remembers how it was called."""

    batch_size = 4
    batches: list[int]
    broken_after: int | None = None
    error: BaseException = Unconfirmed("no answer")

    def send_many(self, messages: Sequence[tuple[OutgoingMessage, str]]) -> Iterator[Receipt | CrmsyncError]:
        self.batches.append(len(messages))
        for number, answer in enumerate(super().send_many(messages)):
            if number == self.broken_after:
                raise self.error
            yield answer


@pytest.fixture
def batches(shop: Shop) -> Shop:
    shop.channel = BatchChannel(shop.clock)
    shop.channel.batches = []
    for _ in range(6):
        shop.customer()
    shop.plan()
    return shop


def test_messages_go_out_in_batches_and_each_has_its_own_end(batches: Shop) -> None:
    bad, busy = batches.messages()[1].id, batches.messages()[2].id
    errors = {bad: PermanentError("no such buyer"), busy: TransientError("busy")}
    batches.channel.fail = lambda message: errors.get(message.id)
    assert batches.deliver().counts == {"sent": 4, "dead": 1, "failed": 1}
    assert batches.channel.batches == [4, 2]
    assert ledger_faults(batches.store) == {}


@pytest.mark.parametrize(("promise", "left"), [("none", "unknown"), ("key", "failed"), ("lookup", "failed")])
def test_an_error_of_the_whole_call_holds_for_those_without_an_answer(
    batches: Shop, promise: Any, left: str
) -> None:
    batches.channel.promise = promise
    batches.channel.broken_after = 2
    batches.deliver(at_most=4)
    assert sorted(batches.states()[:4]) == sorted(["sent", "sent", left, left])
    batches.channel.broken_after = None
    for _ in range(2):
        batches.clock.move(hours=3)
        batches.deliver()
    assert len(batches.channel.keys) == len(set(batches.channel.keys))
    assert ledger_faults(batches.store) == {}


@pytest.mark.parametrize("promise", ["none", "key", "lookup"])
def test_a_death_within_a_batch_leaves_each_message_its_own_state(batches: Shop, promise: Any) -> None:
    batches.channel.promise = promise
    mortal = Mortal(batches.store)
    third = batches.messages()[2].id
    batches.channel.fail = lambda message: mortal.die(message) if message.id == third else None  # type: ignore
    whole, batches.store = batches.store, mortal  # type: ignore[assignment]
    with pytest.raises(Killed):
        batches.deliver()
    batches.store = whole
    batches.channel.fail = lambda message: None
    batches.clock.move(minutes=1)
    recover(whole, now=batches.clock.now())
    batches.clock.move(minutes=1)
    batches.deliver()
    expected = ["unknown"] * 4 + ["sent"] * 2 if promise == "none" else ["sent"] * 6
    assert batches.states() == expected
    assert len(batches.channel.keys) == len(set(batches.channel.keys)) == (4 if promise == "none" else 6)
    assert ledger_faults(whole) == {}


def test_too_few_answers_leave_the_rest_in_doubt(batches: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    batches.channel.promise = "none"
    monkeypatch.setattr(batches.channel, "send_many", lambda messages: [Receipt("one")])
    batches.deliver(at_most=4)
    assert batches.states()[:4] == ["sent", "unknown", "unknown", "unknown"]


def test_on_a_channel_with_keys_a_pause_takes_back_what_was_begun(shop: Shop) -> None:
    for _ in range(4):
        shop.customer()
    shop.plan()
    until = NOW + timedelta(minutes=5)
    second = shop.messages()[1].id
    shop.channel.fail = lambda m: RateLimited(until=until) if m.id == second else None
    assert shop.deliver().counts == {"sent": 1, "postponed": 1}
    assert [(m.state, m.doubtful) for m in shop.messages()] == [("sent", False)] + [("queued", False)] * 3
    assert {m.next_attempt_at for m in shop.messages()[1:]} == {until}
    shop.channel.fail = lambda message: None
    shop.clock.time = until
    assert shop.deliver().sent == 3
    assert ledger_faults(shop.store) == {}


def test_quiet_hours_that_begin_among_begun_messages_hold_the_rest(shop: Shop) -> None:
    shop.campaigns = [campaign(quiet_hours="13:00-14:00")]
    for _ in range(3):
        shop.customer()
    shop.plan()
    shop.channel.fail = lambda message: shop.clock.move(minutes=31)  # type: ignore[func-returns-value]
    assert shop.deliver().sent == 2
    assert [at < NOW + timedelta(hours=1, minutes=3) for _, _, at in shop.channel.delivered] == [True, True]
    assert shop.states() == ["sent", "sent", "queued"]


def test_a_rate_holds_over_passes_and_waits_no_longer_than_it_must(shop: Shop) -> None:
    for _ in range(7):
        shop.customer()
    shop.plan()
    shop.deliver(rates={"fake": Rate(2)}, at_most=3)
    shop.deliver(rates={"fake": Rate(2)})
    times = [at for _, _, at in shop.channel.delivered]
    gaps = {(later - earlier).total_seconds() for earlier, later in pairwise(times)}
    assert len(times) == 7
    assert gaps == {0.5}


def test_a_slow_channel_ends_the_pass_instead_of_holding_it_up(shop: Shop) -> None:
    for _ in range(3):
        shop.customer()
    shop.plan()
    result = shop.deliver(rates={"fake": Rate(1, 20)})
    assert (result.sent, result.more, result.paused) == (2, True, {})
    assert shop.clock.now() - NOW == timedelta(seconds=20)
    assert shop.states() == ["sent", "sent", "queued"]


def test_a_lane_that_stays_broken_is_tried_ever_more_rarely_with_one_message(shop: Shop) -> None:
    shop.campaigns = [campaign(expires="30d")]
    for _ in range(9):
        shop.customer()
    shop.plan()
    shop.channel.fail = lambda message: AuthError("expired")
    shop.deliver()
    waits = []
    for _ in range(9):
        (broken,) = broken_lanes(shop.store)
        waits.append((broken.open_until - shop.clock.now()).total_seconds() / 60)
        sends = len(shop.channel.sends)
        shop.clock.time = broken.open_until
        assert shop.deliver().paused == {("fake", "shop"): "expired"}
        assert len(shop.channel.sends) == sends + 1
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert shop.deliver().paused == {("fake", "shop"): "expired"}
    assert reset_lane(shop.store, ("fake", "shop"))
    shop.channel.fail = lambda message: None
    assert shop.deliver().sent == 9
    assert broken_lanes(shop.store) == []


def test_the_proof_of_the_ledger_finds_what_is_wrong(shop: Shop) -> None:
    for _ in range(2):
        shop.customer()
    shop.plan()
    assert ledger_faults(shop.store) == {}
    with shop.store.write() as transaction:
        transaction.execute(update(Message).where(Message.id == shop.messages()[0].id).values(state="sent"))
        transaction.execute(update(Message).where(Message.id == shop.messages()[1].id).values(doubtful=True))
    assert list(ledger_faults(shop.store).values()) == [1, 1]
