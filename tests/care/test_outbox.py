from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from care_shop import NOW, Killed, Mortal, Shop

from crmsync.care import attempts, recover
from crmsync.care.outbox import claim, release


def crash(shop: Shop, mortal: Mortal) -> None:
    whole, shop.store = shop.store, mortal  # type: ignore[assignment]
    try:
        shop.deliver(batch=2)
    except Killed:
        pass
    finally:
        shop.store = whole


def restart(shop: Shop) -> None:
    shop.channel.fail = shop.channel.fail_after = lambda message: None
    shop.clock.move(minutes=1)
    recover(shop.store, now=shop.clock.now())
    assert "claimed" not in shop.states()
    for _ in range(2):
        shop.clock.move(minutes=1)
        shop.deliver()


# Two messages take seven writes: expire, claim, begin, finish, begin, finish, claim (nothing left).
@pytest.mark.parametrize("promise", ["key", "lookup", "none"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_around_any_write_doubles_nothing_and_loses_nothing(
    shop: Shop, promise: Any, after: bool
) -> None:
    for write in range(1, 8):
        shop.channel.promise = promise
        for _ in range(2):
            shop.customer()
        shop.plan()
        crash(shop, Mortal(shop.store, write, after))
        restart(shop)
        keys = shop.channel.keys
        assert len(keys) == len(set(keys)), f"doubled at write {write}"
        states = {m.key: m.state for m in shop.messages()}
        if promise == "none":
            assert set(states.values()) <= {"sent", "unknown"}
            assert {key for key, state in states.items() if state == "sent"} <= set(keys)
            assert set(states) - set(keys) <= {key for key, state in states.items() if state == "unknown"}
        else:
            assert set(states.values()) == {"sent"}
            assert set(keys) == set(states)


@pytest.mark.parametrize("promise", ["key", "lookup", "none"])
@pytest.mark.parametrize("arrived", [True, False])
def test_a_death_inside_the_send(shop: Shop, promise: Any, arrived: bool) -> None:
    shop.channel.promise = promise
    shop.customer()
    shop.customer()
    shop.plan()
    mortal = Mortal(shop.store)
    if arrived:
        shop.channel.fail_after = mortal.die  # type: ignore[assignment]
    else:
        shop.channel.fail = mortal.die  # type: ignore[assignment]
    crash(shop, mortal)
    assert shop.states() == ["claimed", "claimed"]
    restart(shop)
    assert len(shop.channel.keys) == len(set(shop.channel.keys))
    assert shop.states() == ["unknown" if promise == "none" else "sent", "sent"]
    first = shop.messages()[0]
    outcome = attempts(shop.store, first.id)[0].outcome
    assert outcome == ("sent" if promise == "lookup" and arrived else "unconfirmed")


def test_what_was_claimed_but_never_left_is_queued_on_every_channel(shop: Shop) -> None:
    shop.channel.promise = "none"
    shop.customer()
    shop.plan()
    assert len(claim(shop.store, ["win-back"], ["fake"], [], NOW, 10)) == 1
    found = recover(shop.store, now=NOW)
    assert (found.queued, found.doubtful, found.unknown) == (1, 0, 0)
    assert shop.deliver().sent == 1


def test_a_lease_protects_from_a_recovery_beside_a_living_process(shop: Shop) -> None:
    shop.customer()
    shop.plan()
    claim(shop.store, ["win-back"], ["fake"], [], NOW, 10)
    assert recover(shop.store, now=NOW, alone=False).queued == 0
    assert recover(shop.store, now=NOW + timedelta(minutes=5), alone=False).queued == 1


def test_a_claim_is_exclusive_and_its_fence_grows(shop: Shop) -> None:
    for _ in range(3):
        shop.customer()
    shop.plan()
    first = claim(shop.store, ["win-back"], ["fake"], [], NOW, 2)
    second = claim(shop.store, ["win-back"], ["fake"], [], NOW, 2)
    assert [len(first), len(second)] == [2, 1]
    assert not {c.id for c in first} & {c.id for c in second}
    assert release(shop.store, [c.message for c in first], NOW) == 2
    again = claim(shop.store, ["win-back"], ["fake"], [], NOW, 2)
    assert [c.message["fence"] for c in again] == [2, 2]
    assert release(shop.store, [c.message for c in first], NOW) == 0


def test_a_lane_that_is_paused_is_not_claimed(shop: Shop) -> None:
    shop.connect("second")
    shop.customer(on="second")
    shop.customer()
    shop.plan()
    claimed = claim(shop.store, ["win-back"], ["fake"], [("fake", "shop")], NOW, 10)
    assert [c.connection for c in claimed] == ["second"]
