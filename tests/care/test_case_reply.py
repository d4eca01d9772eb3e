"""The review a case is about is answered once, by a person, where its platform lets the shop."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from care_shop import NOW, Shop
from sqlalchemy import insert, update

from crmsync.care import ledger_faults
from crmsync.care.cases import REPLIES, Reply, advance, open_case, reply, show_case
from crmsync.care.push import PushChannel
from crmsync.config import Cases
from crmsync.sdk import ChannelContext, PermanentError, Receipt, UsageError
from crmsync.store import Store
from crmsync.store.tables import Message, Review


class Platform:
    name = "platform"
    takes = True
    fails: Exception | None = None

    def __init__(self) -> None:
        self.answers: list[tuple[str, str]] = []

    def accepts(self) -> dict[str, str]:
        return {"reply_review": "key"} if self.takes else {}

    def reply_review(self, review_id: str, text: str, key: str) -> Receipt:
        if self.fails is not None:
            raise self.fails
        self.answers.append((review_id, text))
        return Receipt(f"answer to {review_id}")


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def shop(store: Store, platform: Platform) -> Iterator[Shop]:
    shop = Shop(store)
    none: Any = None
    context = ChannelContext(
        "push", shop.clock, logging.getLogger(), none, none, connector=lambda id: platform
    )
    shop.more = {"push:reply_review": PushChannel("reply_review", context)}
    shop.campaigns = [REPLIES]
    return shop


def review(shop: Shop, id: str, account: str, *, days_ago: float = 1, **columns: Any) -> None:
    at = NOW - timedelta(days=days_ago)
    with shop.store.write() as transaction:
        transaction.execute(
            insert(Review).values(
                connection_id=shop.connections["shop"],
                external_id=id,
                account_id=account,
                level="bad",
                created_at=at,
                learned_at=at,
                changed_at=at,
                digest=len(id),
                **columns,
            )
        )


def case(shop: Shop, customer: int, order: str | None = None) -> int:
    return open_case(
        shop.store,
        customer,
        Cases(),
        type="product",
        severity="ordinary",
        order_id=order,
        actor="li",
        now=shop.clock.now(),
    )


def answer(shop: Shop, case: int, text: str = "Sorry! 抱歉", **options: Any) -> Reply:
    channel: Any = shop.more["push:reply_review"]
    return reply(shop.store, case, text, channel, actor="li", now=shop.clock.now(), **options)


def test_the_review_of_the_order_is_answered_once(shop: Shop, platform: Platform) -> None:
    customer = shop.customer(flag=None)
    review(shop, "r1", "c1", order_id="o1", days_ago=3)
    review(shop, "r2", "c1", order_id="o2", days_ago=1)
    opened = case(shop, customer, "o1")
    assert answer(shop, opened).review == "r1"
    assert platform.answers == []
    shop.deliver()
    shop.deliver()
    assert platform.answers == [("r1", "Sorry! 抱歉")]
    (message,) = shop.messages()
    assert (message.state, message.reference, message.review_id) == ("sent", "answer to r1", "r1")
    assert ledger_faults(shop.store) == {}
    last = show_case(shop.store, opened, Cases(), shop.clock.now()).history[-1]
    assert (last.what, last.note) == ("replied", "r1: Sorry! 抱歉")
    with pytest.raises(UsageError, match="Message 1 answers this review already; it is sent"):
        answer(shop, opened)


def test_without_an_order_it_is_the_latest_or_the_one_that_is_named(shop: Shop) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1", days_ago=3)
    review(shop, "r2", "c1", days_ago=1)
    assert answer(shop, opened).review == "r2"
    assert answer(shop, opened, review="r1").review == "r1"


def test_an_answer_that_was_given_up_may_be_tried_again(shop: Shop, platform: Platform) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1")
    platform.fails = PermanentError("too long")
    answer(shop, opened)
    shop.deliver()
    assert shop.states() == ["dead"]
    platform.fails = None
    answer(shop, opened, "Sorry")
    shop.deliver()
    assert shop.states() == ["dead", "sent"]
    assert platform.answers == [("r1", "Sorry")]


def test_a_review_of_somebody_else_is_not_theirs_to_answer_here(shop: Shop) -> None:
    opened = case(shop, shop.customer(flag=None))
    shop.customer(flag=None)
    review(shop, "r1", "c2")
    for options in ({}, {"review": "r1"}):
        with pytest.raises(UsageError, match="of customer 1 is known"):
            answer(shop, opened, **options)


def test_what_was_answered_on_the_platform_is_left_alone(shop: Shop) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1", replied_at=NOW)
    with pytest.raises(UsageError, match="was answered on 2026-03-04"):
        answer(shop, opened)


def test_a_platform_without_answers_says_so_and_nothing_is_queued(shop: Shop, platform: Platform) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1")
    platform.takes = False
    with pytest.raises(UsageError, match="The connection shop cannot answer reviews"):
        answer(shop, opened)
    assert shop.messages() == []


def test_neither_an_empty_answer_nor_one_to_a_closed_case(shop: Shop) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1")
    with pytest.raises(UsageError, match="nothing to answer with"):
        answer(shop, opened, "  ")
    for resolved in (None, None, None, None, True):
        advance(shop.store, opened, Cases(), actor="li", now=shop.clock.now(), resolved=resolved)
    with pytest.raises(UsageError, match="is closed"):
        answer(shop, opened)


def test_the_global_stop_holds_answers_too(shop: Shop, platform: Platform) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1")
    answer(shop, opened)
    shop.limits = shop.limits.model_copy(update={"stop": True})
    shop.deliver()
    assert platform.answers == []


def test_an_answer_is_not_sent_to_a_review_that_is_too_old(shop: Shop, platform: Platform) -> None:
    opened = case(shop, shop.customer(flag=None))
    review(shop, "r1", "c1")
    answer(shop, opened)
    with shop.store.write() as transaction:
        transaction.execute(update(Message).values(expires_at=shop.clock.now()))
    shop.deliver()
    assert (platform.answers, shop.states()) == ([], ["expired"])
