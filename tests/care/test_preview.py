"""A preview tells what planning would do, and leaves no trace."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from care_shop import Shop, campaign
from sqlalchemy import select
from sqlmodel import SQLModel

from crmsync.care import CampaignPreview, reason
from crmsync.config import Limits
from crmsync.sdk import UsageError
from crmsync.store import Store


def rows(store: Store) -> dict[str, list[Any]]:
    with store.read() as transaction:
        return {
            table.name: [tuple(row) for row in transaction.execute(select(table))]
            for table in SQLModel.metadata.sorted_tables
        }


def only(shop: Shop, **options: Any) -> CampaignPreview:
    (found,) = shop.preview(**options)
    assert found.occasions == found.would_send + found.would_not.total()
    return found


def mixed(shop: Shop) -> None:
    shop.campaigns = [campaign(control_group="30%", approve="first")]
    for _ in range(12):
        shop.customer()
    shop.customer(consent=None)
    shop.customer(consent=False)


def test_it_tells_what_planning_then_does(shop: Shop) -> None:
    mixed(shop)
    found = only(shop)
    done = shop.plan().campaigns["win-back"]
    assert found.would_send == found.awaits_approval == done.planned["awaiting_approval"] > 0
    assert found.would_not == done.suppressed
    assert set(found.would_not) == {reason.CONTROL_GROUP, reason.NO_CONSENT, reason.REFUSED}
    again = only(shop)
    assert (again.would_send, again.would_not) == (0, {reason.COOLDOWN: 14})


def test_it_leaves_every_row_as_it_was(shop: Shop) -> None:
    mixed(shop)
    shop.plan()
    shop.customer()
    before = rows(shop.store)
    only(shop)
    assert rows(shop.store) == before
    assert shop.channel.sends == []


def test_it_leaves_every_byte_as_it_was(tmp_path: Path, sqlite_template: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_bytes(sqlite_template.read_bytes())
    first = Store(f"sqlite:///{path}")
    mixed(shop := Shop(first))
    first.close()

    def digests() -> dict[str, str]:
        return {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in tmp_path.glob("shop.db*")
            if not file.name.endswith("-shm") and file.stat().st_size
        }

    before = digests()
    shop.store = Store(f"sqlite:///{path}")
    assert only(shop).would_send > 0
    assert digests() == before
    shop.store.close()


def test_examples_show_who_why_and_the_text(shop: Shop) -> None:
    customer = shop.customer(name="Lin")
    shop.customer(consent=False)
    sent, refused = only(shop).examples
    assert (sent.customer_id, sent.connection, sent.language, sent.not_sent) == (customer, "shop", "en", "")
    assert sent.text is not None
    assert sent.text.body.startswith("Hello Lin,")
    assert sent.why.text("en") == "the flag churn_risk stands at level high since 2026-03-04"
    assert (refused.not_sent, refused.text) == (reason.REFUSED, None)
    assert "Lin" not in repr(sent)


def test_so_many_examples_of_each_outcome(shop: Shop) -> None:
    for _ in range(4):
        shop.customer()
        shop.customer(consent=None)
    found = only(shop, examples=2)
    assert [example.not_sent for example in found.examples] == ["", "", reason.NO_CONSENT, reason.NO_CONSENT]


def test_campaigns_that_choose_first_take_the_slots_in_a_preview_too(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = [campaign(name="news", template="vip_thanks"), campaign(priority=1)]
    shop.customer()
    first, second = shop.preview()
    assert (first.campaign, first.would_send) == ("win-back", 1)
    assert second.would_not == {reason.CUSTOMER_LIMIT: 1}
    (alone,) = shop.preview(only="news")
    assert alone.would_not == {reason.CUSTOMER_LIMIT: 1}


def test_a_campaign_that_is_off_can_be_looked_at_by_name(shop: Shop) -> None:
    shop.campaigns = [campaign(enabled=False)]
    shop.customer()
    assert shop.preview() == []
    assert only(shop, only="win-back").would_send == 1
    with pytest.raises(UsageError):
        shop.preview(only="nothing")


def test_one_that_cannot_be_planned_says_why(shop: Shop) -> None:
    shop.campaigns = [campaign(template="nothing")]
    assert "no such template" in only(shop).problem


def test_what_was_planned_before_is_told(shop: Shop) -> None:
    shop.campaigns = [campaign(cooldown="0s")]
    shop.customer()
    shop.plan()
    assert only(shop).would_not == {reason.ALREADY_PLANNED: 1}
