from __future__ import annotations

import pytest
from care_shop import NOW, Shop, campaign

from crmsync.care import approve, reason
from crmsync.sdk import UsageError

TWO = {"win-back": 2}


def waiting(shop: Shop, mode: str) -> list[int]:
    shop.campaigns = [campaign(approve=mode, approvals=2)]
    for _ in range(2):
        shop.customer()
    shop.plan()
    return [m.id for m in shop.messages()]


def test_two_people_approve_a_message_and_one_alone_cannot(shop: Shop) -> None:
    first, second = waiting(shop, "always")
    assert approve(shop.store, actor="ann", now=NOW, ids=[first], needed=TWO) == 0
    assert shop.messages()[0].reason == reason.SECOND_APPROVAL
    with pytest.raises(UsageError, match="approved message"):
        approve(shop.store, actor="ann", now=NOW, ids=[first], needed=TWO)
    assert approve(shop.store, actor="bob", now=NOW, ids=[first], needed=TWO) == 1
    assert shop.deliver().sent == 1
    assert shop.states() == ["sent", "awaiting_approval"]
    assert approve(shop.store, actor="bob", now=NOW, ids=[second], needed=TWO) == 0


def test_two_people_approve_a_text_once_for_all(shop: Shop) -> None:
    first, second = waiting(shop, "first")
    assert approve(shop.store, actor="ann", now=NOW, ids=[first], needed=TWO) == 0
    shop.customer()
    shop.plan()
    assert set(shop.states()) == {"awaiting_approval"}
    with pytest.raises(UsageError, match="approved this text"):
        approve(shop.store, actor="ann", now=NOW, ids=[second], needed=TWO)
    assert approve(shop.store, actor="bob", now=NOW, ids=[second], needed=TWO) == 3
    shop.customer()
    shop.plan()
    assert shop.deliver().sent == 4


def test_a_whole_campaign_by_one_person_twice_is_one_approval(shop: Shop) -> None:
    waiting(shop, "always")
    for _ in range(2):
        assert approve(shop.store, actor="ann", now=NOW, campaign="win-back", needed=TWO) == 0
    assert approve(shop.store, actor="bob", now=NOW, campaign="win-back", needed=TWO) == 2
