from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from care_shop import NOW, Shop, campaign
from sqlalchemy import select

from crmsync.care import approve, cancel, list_messages, resolve, suppress, withdraw_consent
from crmsync.sdk import Unconfirmed, UsageError
from crmsync.store.tables import Audit


def audited(shop: Shop) -> list[tuple[str, str, str]]:
    with shop.store.read() as transaction:
        return [
            (row.actor, row.action, f"{row.object} {row.detail}".strip())
            for row in transaction.execute(select(*Audit.__table__.columns).order_by(Audit.id))
        ]


def waiting(shop: Shop, customers: int = 2, approve: str = "always") -> list[int]:
    shop.campaigns = [campaign(approve=approve)]
    for _ in range(customers):
        shop.customer()
    shop.plan()
    return [m.id for m in shop.messages()]


def unknown(shop: Shop) -> int:
    shop.channel.promise = "none"
    shop.channel.fail = lambda message: Unconfirmed()
    shop.customer()
    shop.plan()
    shop.deliver()
    shop.channel.fail = lambda message: None
    assert shop.states() == ["unknown"]
    return int(shop.messages()[0].id)


def test_nothing_goes_out_before_it_is_approved(shop: Shop) -> None:
    ids = waiting(shop)
    assert shop.deliver().sent == 0
    assert approve(shop.store, actor="ann", now=NOW, ids=ids[:1]) == 1
    assert shop.deliver().sent == 1
    assert shop.states() == ["sent", "awaiting_approval"]
    assert audited(shop) == [("ann", "approve", f"message {ids[0]}")]


def test_the_first_approval_of_a_text_releases_the_others(shop: Shop) -> None:
    ids = waiting(shop, 3, approve="first")
    assert approve(shop.store, actor="ann", now=NOW, ids=ids[:1]) == 3
    assert shop.states() == ["queued"] * 3


def test_another_language_is_another_text(shop: Shop) -> None:
    shop.campaigns = [campaign(approve="first")]
    shop.customer(language="en")
    shop.customer(language="zh")
    shop.plan()
    assert approve(shop.store, actor="ann", now=NOW, ids=[shop.messages()[0].id]) == 1
    assert shop.states() == ["queued", "awaiting_approval"]


def test_a_whole_campaign_is_approved_by_name(shop: Shop) -> None:
    waiting(shop)
    assert approve(shop.store, actor="ann", now=NOW, campaign="other") == 0
    assert approve(shop.store, actor="ann", now=NOW, campaign="win-back") == 2


@pytest.mark.parametrize("named", [{}, {"ids": [1], "campaign": "win-back"}])
def test_a_decision_names_messages_or_a_campaign(shop: Shop, named: dict[str, Any]) -> None:
    waiting(shop)
    with pytest.raises(UsageError, match="ids, or one campaign"):
        approve(shop.store, actor="ann", now=NOW, **named)


def test_what_does_not_await_approval_cannot_be_approved_and_changes_nothing(shop: Shop) -> None:
    ids = waiting(shop)
    with pytest.raises(UsageError, match="99999"):
        approve(shop.store, actor="ann", now=NOW, ids=[ids[0], 99999])
    assert shop.states() == ["awaiting_approval"] * 2
    assert audited(shop) == []


def test_a_cancelled_message_is_not_sent(shop: Shop) -> None:
    ids = waiting(shop)
    assert cancel(shop.store, actor="ann", now=NOW, ids=ids[:1]) == 1
    approve(shop.store, actor="ann", now=NOW, campaign="win-back")
    assert shop.deliver().sent == 1
    assert shop.states() == ["cancelled", "sent"]
    with pytest.raises(UsageError, match="waits to be sent"):
        cancel(shop.store, actor="ann", now=NOW, ids=[ids[1]])


def test_cancelling_what_may_have_arrived_does_not_hide_it(shop: Shop) -> None:
    shop.customer()
    shop.plan()
    shop.channel.fail = lambda message: Unconfirmed()
    shop.deliver()
    cancel(shop.store, actor="ann", now=NOW, campaign="win-back")
    assert shop.states() == ["unknown"]


@pytest.mark.parametrize(
    ("outcome", "state", "sends"), [("sent", "sent", 1), ("dead", "dead", 1), ("resend", "sent", 2)]
)
def test_a_person_settles_an_unknown_message(shop: Shop, outcome: Any, state: str, sends: int) -> None:
    id = unknown(shop)
    resolve(shop.store, id, outcome, actor="ann", now=NOW)
    shop.deliver()
    assert shop.states() == [state]
    assert len(shop.channel.sends) == sends
    assert len(set(shop.channel.sends)) == 1
    assert audited(shop) == [("ann", "resolve", f"message {id} {outcome}")]


def test_only_an_unknown_message_is_resolved(shop: Shop) -> None:
    (id,) = waiting(shop, 1)
    with pytest.raises(UsageError, match="is unknown"):
        resolve(shop.store, id, "sent", actor="ann", now=NOW)


def test_what_has_expired_is_not_sent_again(shop: Shop) -> None:
    id = unknown(shop)
    with pytest.raises(UsageError, match="expired"):
        resolve(shop.store, id, "resend", actor="ann", now=NOW + timedelta(days=4))
    assert shop.states() == ["unknown"]


def test_lists_hide_contact_data_and_texts_unless_asked(shop: Shop) -> None:
    waiting(shop, 1)
    (listed,) = list_messages(shop.store)
    assert (listed.text, listed.contact) == (None, None)
    (shown,) = list_messages(shop.store, text=True, contact=True)
    assert shown.contact is not None
    assert shown.contact.email == "c1@example.com"
    assert shown.text is not None
    for secret in ("c1@example.com", "Customer 1"):
        assert secret not in repr(listed)
        assert secret not in repr(shown)


def test_lists_are_chosen_by_state_campaign_and_id(shop: Shop) -> None:
    ids = waiting(shop, 3)
    cancel(shop.store, actor="ann", now=NOW, ids=ids[:1])
    assert [m.id for m in list_messages(shop.store, states=["awaiting_approval"])] == ids[:0:-1]
    assert list_messages(shop.store, campaign="other") == []
    assert [m.id for m in list_messages(shop.store, ids=ids[:2], limit=1)] == [ids[1]]


def test_the_audit_holds_no_address(shop: Shop) -> None:
    shop.customer()
    suppress(shop.store, "email", "c1@example.com", why="asked", actor="ann", now=NOW)
    withdraw_consent(shop.store, "shop", "c1", actor="ann", now=NOW)
    assert [action for _, action, _ in audited(shop)] == ["suppress", "withdraw_consent"]
    assert "example.com" not in repr(audited(shop))


def test_an_account_that_nobody_knows_cannot_withdraw(shop: Shop) -> None:
    with pytest.raises(UsageError, match="no such account"):
        withdraw_consent(shop.store, "shop", "nobody", actor="ann", now=NOW)
