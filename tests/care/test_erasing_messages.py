"""A person is erased while messages to them wait, are in doubt, or are on their way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from care_shop import Shop
from sqlalchemy import update

from crmsync.care import ledger_faults, reason, resolve
from crmsync.care.erasure import erase, in_flight
from crmsync.care.proposal import Proposer
from crmsync.sdk import OutgoingMessage, TransientError
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account


def erased(shop: Shop, customer: int) -> None:
    erase(shop.store, Keyring(shop.store), customer, actor="li", now=shop.clock.now())


def later(shop: Shop) -> None:
    """Whatever may still be sent is sent."""
    for _ in range(3):
        shop.clock.move(hours=7)
        shop.plan()
        shop.deliver()


def sent_to(shop: Shop) -> list[str]:
    return [message.recipient.account_id for _, message, _ in shop.channel.delivered]


def test_what_waits_is_cancelled_and_tells_nothing(shop: Shop) -> None:
    gone, other = shop.customer(), shop.customer()
    shop.plan()
    erased(shop, gone)
    first, second = shop.messages()
    assert (first.state, first.reason, first.subject, first.body) == ("cancelled", reason.ERASED, "", "")
    assert first.account_id.startswith("erased-")
    assert second.body
    later(shop)
    assert sent_to(shop) == [shop.account(other)]
    assert ledger_faults(shop.store) == {}


def test_what_may_have_arrived_is_left_to_a_person_and_never_sent_again(shop: Shop) -> None:
    gone = shop.customer()
    shop.plan()
    shop.channel.fail_after = lambda message: RuntimeError("the answer was lost")
    shop.deliver()
    assert shop.messages()[0].doubtful
    erased(shop, gone)
    (message,) = shop.messages()
    assert (message.state, message.reason) == ("unknown", reason.MAY_HAVE_ARRIVED)
    shop.channel.fail_after = lambda message: None
    resolve(shop.store, message.id, "resend", actor="li", now=shop.clock.now())
    later(shop)
    assert len(shop.channel.sends) == 1
    assert shop.states() == ["suppressed"]
    assert ledger_faults(shop.store) == {}


@pytest.mark.parametrize("answer", [None, TransientError("busy"), RuntimeError("the answer was lost")])
def test_what_is_on_its_way_ends_as_it_does_and_is_never_sent_again(
    shop: Shop, answer: BaseException | None
) -> None:
    gone = shop.customer(name="Zebulon", email="zebulon@example.com")
    shop.plan()

    def meanwhile(message: OutgoingMessage) -> BaseException | None:
        if not in_flight(shop.store, [gone]):
            return None
        erased(shop, gone)
        assert in_flight(shop.store, [gone]) == {gone}
        return answer

    shop.channel.fail = meanwhile
    shop.deliver()
    assert not in_flight(shop.store, [gone])
    later(shop)
    assert len(shop.channel.sends) == 1
    (message,) = shop.messages()
    lost = isinstance(answer, RuntimeError)
    assert message.state == ("sent" if answer is None else "unknown" if lost else "suppressed")
    assert (message.subject, message.body) == ("", "")
    assert ledger_faults(shop.store) == {}


def test_what_was_claimed_and_has_not_left_stays(shop: Shop) -> None:
    shop.channel.promise = "none"
    first, second = shop.customer(), shop.customer()
    shop.plan()
    shop.channel.fail = lambda message: erased(shop, second)
    shop.deliver()
    assert sent_to(shop) == [shop.account(first)]
    assert shop.states() == ["sent", "cancelled"]
    assert ledger_faults(shop.store) == {}


def test_a_text_made_before_the_erasure_is_not_stored_after_it(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = shop.customer(name="Zebulon"), shop.customer()
    real = Proposer.chunks

    def chunks(self: Proposer) -> Iterator[Any]:
        for proposals in real(self):
            erased(shop, gone)
            yield proposals

    monkeypatch.setattr(Proposer, "chunks", chunks)
    result = shop.plan().campaigns["win-back"]
    assert [message.customer_id for message in shop.messages()] == [other]
    assert result.skipped[reason.NO_ACCOUNT] == 1


def test_a_merge_after_the_erasure_writes_to_nobody_there(shop: Shop) -> None:
    gone, other = shop.customer(), shop.customer()
    shop.order(shop.account(gone), "tea", days_ago=1)
    shop.order(shop.account(other), "tea", days_ago=9)
    alive = shop.account(other)
    erased(shop, gone)
    with shop.store.write() as transaction:
        transaction.execute(update(Account).where(Account.customer_id == gone).values(customer_id=other))
    later(shop)
    assert set(sent_to(shop)) <= {alive}


def test_the_addresses_are_on_the_list_for_every_account(shop: Shop) -> None:
    gone = shop.customer(email="zebulon@example.com", phone="+86 199 1234 5678")
    erased(shop, gone)
    late = shop.customer(email=" Zebulon@Example.com", phone=None)
    by_phone = shop.customer(email=None, phone="+86-199-1234-5678")
    later(shop)
    assert sent_to(shop) == []
    assert {m.reason for m in shop.messages() if m.customer_id in (late, by_phone)} == {reason.SUPPRESSED}
