"""An address that is no good is written to no more; a report that proves nothing silences nobody."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from care_shop import FakeChannel, Shop
from sqlalchemy import func, select

from crmsync.care import take_bounces
from crmsync.sdk import Bounce, TransientError
from crmsync.store.tables import Suppression


class Reporting(FakeChannel):
    """Gives these reports, and keeps which of them were dealt with."""

    medium = "email"
    reports: list[Bounce]
    done: list[Bounce]
    breaks = False

    def bounces(self) -> Iterator[Bounce]:
        for report in self.reports:
            yield report
            self.done.append(report)
        if self.breaks:
            raise TransientError("gone")


@pytest.fixture
def channel(shop: Shop) -> Reporting:
    shop.channel = channel = Reporting(shop.clock, "none")
    channel.reports, channel.done = [], []
    shop.customer()
    shop.customer()
    shop.plan()
    shop.deliver()
    assert len(channel.keys) == 2
    return channel


def suppressed(shop: Shop) -> int:
    with shop.store.read() as reading:
        return int(reading.execute(select(func.count()).select_from(Suppression)).scalar_one())


def taken(shop: Shop, channel: Reporting, *reports: Bounce) -> int:
    channel.reports = list(reports)
    return take_bounces(shop.store, "fake", channel, now=shop.clock.now())


def test_nothing_more_goes_to_an_address_that_is_no_good(shop: Shop, channel: Reporting) -> None:
    address = str(channel.delivered[0][1].recipient.email)
    key = channel.keys[0]
    assert taken(shop, channel, Bounce(key, address.upper(), "5.1.1")) == 1
    assert taken(shop, channel, Bounce(key, address, "5.1.1")) == 0
    assert (suppressed(shop), len(channel.done)) == (1, 2)
    shop.clock.move(days=100)
    shop.plan()
    shop.deliver()
    assert [m.recipient.email for _, m, _ in channel.delivered].count(address) == 1
    assert len(channel.keys) == 3


def test_a_report_must_name_the_message_and_where_it_went(shop: Shop, channel: Reporting) -> None:
    (first, second) = [(key, str(m.recipient.email)) for key, m, _ in channel.delivered]
    forged = [Bounce("0" * 64, first[1]), Bounce(first[0], second[1]), Bounce("", "")]
    assert taken(shop, channel, *forged) == 0
    assert (suppressed(shop), channel.done) == (0, forged)
    assert take_bounces(shop.store, "other", channel, now=shop.clock.now()) == 0


def test_what_was_read_before_a_fault_stays(shop: Shop, channel: Reporting) -> None:
    channel.breaks = True
    key, message, _ = channel.delivered[0]
    with pytest.raises(TransientError):
        taken(shop, channel, Bounce(key, str(message.recipient.email)))
    assert suppressed(shop) == 1
