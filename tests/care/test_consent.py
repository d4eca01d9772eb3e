from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from care_shop import NOW, Shop, campaign
from sqlalchemy import select, text, update

from crmsync.care import (
    ConfirmRequest,
    Links,
    Terms,
    confirm,
    reason,
    statements,
    suppress,
    suppress_person,
    unsubscribe,
    unsubscribe_by_reply,
    unsuppress,
    withdraw_consent,
)
from crmsync.care.addressee import ACCOUNT_COLUMNS, addressed
from crmsync.care.unsubscribe import plain
from crmsync.config import ConsentConfig, Holiday, Limits
from crmsync.config.consent import KEYWORDS
from crmsync.sdk import ConfigError, UsageError
from crmsync.store.keyring import Keyring
from crmsync.store.tables import Account, Audit, Connection, Suppression

SECRET = "k" * 32


def links_of(shop: Shop, url: str | None = "https://care.example.com") -> Links:
    return Links(Terms.of(shop.store).keyring, url)


def reasons(shop: Shop) -> list[tuple[str, str]]:
    return [(m.state, m.reason) for m in shop.messages()]


def planned(shop: Shop, **customer: Any) -> None:
    shop.customer(**customer)
    shop.plan()


def test_the_list_keeps_no_address(shop: Shop) -> None:
    suppress(shop.store, "email", "Lin@Example.com", why="asked", actor="ann", now=NOW)
    with shop.store.read() as transaction:
        rows = transaction.execute(select(*Suppression.__table__.columns)).all()
        audited = transaction.execute(select(*Audit.__table__.columns)).all()
    assert len(rows) == 1
    assert "lin" not in f"{rows}{audited}".lower()


def test_an_address_on_the_list_is_held_under_any_spelling_until_it_is_taken_off(shop: Shop) -> None:
    planned(shop, email="Lin@Example.com")
    suppress(shop.store, "email", " lin@example.COM", why="asked", actor="ann", now=NOW)
    shop.deliver()
    assert reasons(shop) == [("suppressed", reason.SUPPRESSED)]
    assert unsuppress(shop.store, "email", "LIN@example.com", actor="ann", now=NOW) == 1
    shop.campaigns = [campaign(name="again")]
    shop.plan()
    assert shop.deliver().sent == 1


def test_what_is_listed_under_one_key_counts_under_the_next_while_the_first_is_kept(shop: Shop) -> None:
    planned(shop)
    old = Terms.of(shop.store, ConsentConfig(key=SECRET))
    suppress(shop.store, "email", "c1@example.com", why="asked", actor="ann", now=NOW, keyring=old.keyring)
    with pytest.raises(ConfigError, match="not configured"):
        Terms.of(shop.store, ConsentConfig(key="n" * 32))
    with pytest.raises(ConfigError, match="not configured"):
        shop.deliver()
    both = Terms.of(shop.store, ConsentConfig(key="n" * 32, old_keys=[SECRET]))
    assert shop.deliver(terms=both).counts == {"suppressed": 1}


def test_the_list_outlives_erasure(shop: Shop) -> None:
    planned(shop, phone="+86 138 0000")
    keyring = Keyring(shop.store)
    with shop.store.write() as transaction:
        account = transaction.execute(
            select(*ACCOUNT_COLUMNS).join(Connection, Connection.id == Account.connection_id)
        ).one()
        assert (
            suppress_person(
                shop.store, transaction, keyring, [addressed(account)], why="erased", actor="ann", now=NOW
            )
            == 3
        )
        transaction.execute(update(Account).values(name=None, email=None, phone=None, deleted_at=NOW))
    shop.deliver()
    # The platform tells of the person again, on another account with the same phone.
    shop.customer(phone="86-138-0000", email="new@example.com")
    shop.plan()
    shop.deliver()
    assert shop.channel.sends == []
    assert shop.states() == ["suppressed", "suppressed"]


def test_a_link_unsubscribes_the_account_and_the_address_from_marketing(shop: Shop) -> None:
    shop.channel.medium = "email"  # type: ignore[misc]
    planned(shop)
    shop.deliver(links=links_of(shop))
    url = shop.channel.delivered[0][1].unsubscribe_url
    assert str(url).startswith("https://care.example.com/unsubscribe/")
    done = unsubscribe(shop.store, links_of(shop), str(url).rpartition("/")[2], now=NOW)
    assert (done.medium, done.purposes, done.new) == ("email", ("marketing",), True)
    assert not unsubscribe(shop.store, links_of(shop), str(url).rpartition("/")[2], now=NOW).new
    (said,) = [s for s in statements(shop.store, 1) if not s.granted]
    assert (said.source, said.proof) == ("unsubscribed by link", "message 1")
    # Another account of the same address, with a consent of its own; and a service message.
    shop.customer(email="c1@example.com")
    shop.campaigns = [campaign(), campaign(name="sorry", purpose="service")]
    shop.plan()
    shop.deliver()
    told = {(m.campaign, m.customer_id): m.state for m in shop.messages()}
    assert told["win-back", 2] == "suppressed"
    assert told["sorry", 2] == "sent"


@pytest.mark.parametrize("change", [lambda t: t[:-1] + "0", lambda t: "x" + t, lambda t: t[5:], lambda t: ""])
def test_a_link_that_is_not_ours_does_nothing(shop: Shop, change: Any) -> None:
    planned(shop)
    token = links_of(shop)._signed("unsubscribe", shop.messages()[0].key)
    forged = change(token)
    if forged == token:
        forged = token[:-1] + "1"
    with pytest.raises(UsageError, match="no link of ours"):
        unsubscribe(shop.store, links_of(shop), forged, now=NOW)
    # A signature for one purpose is none for another.
    assert links_of(shop).confirmed(token) is None
    assert shop.deliver().sent == 1


def test_without_a_public_address_there_is_no_link(shop: Shop) -> None:
    planned(shop)
    shop.deliver(links=links_of(shop, None))
    assert shop.channel.delivered[0][1].unsubscribe_url is None


@pytest.mark.parametrize("word", ["TD", " td。", "ＴＤ", "退订", "【退订】", "Stop!", "unsubscribe"])
def test_a_word_unsubscribes_from_marketing_by_that_address(shop: Shop, word: str) -> None:
    shop.channel.medium = "sms"  # type: ignore[misc]
    planned(shop, phone="+86 138 0000")
    keyring = Keyring(shop.store)
    assert unsubscribe_by_reply(shop.store, keyring, word, "phone", "861380000", KEYWORDS, now=NOW)
    shop.deliver()
    assert reasons(shop) == [("suppressed", reason.SUPPRESSED)]


@pytest.mark.parametrize("word", ["怎么退订？", "please stop sending the wrong size", "", "好的"])
def test_other_replies_unsubscribe_nobody(shop: Shop, word: str) -> None:
    planned(shop, phone="+86 138 0000")
    assert not unsubscribe_by_reply(
        shop.store, Keyring(shop.store), word, "phone", "861380000", KEYWORDS, now=NOW
    )
    assert shop.deliver().sent == 1


def test_no_keyword_is_empty_once_its_marks_are_gone() -> None:
    assert all(plain(word) for word in KEYWORDS)


def test_where_double_opt_in_is_asked_for_a_grant_counts_once_confirmed(shop: Shop) -> None:
    terms = Terms.of(shop.store, ConsentConfig(double_opt_in=["platform"]))
    planned(shop)
    assert shop.deliver(terms=terms).counts == {"suppressed": 1}
    assert reasons(shop) == [("suppressed", reason.UNCONFIRMED)]
    shop.clock.move(minutes=1)
    now = shop.clock.now()
    request = ConfirmRequest("shop", "c1", "platform", now + timedelta(days=1))
    assert confirm(shop.store, links_of(shop), links_of(shop).confirm_token(request), now=now) == "platform"
    assert shop.plan(terms=terms).planned == 1
    assert shop.deliver(terms=terms).sent == 1


def test_a_confirmation_counts_no_more_after_a_refusal(shop: Shop) -> None:
    terms = Terms.of(shop.store, ConsentConfig(double_opt_in=["platform"]))
    shop.customer(consent=None)
    for said, confirmed in ((True, True), (False, False), (True, False)):
        shop.clock.move(minutes=1)
        shop.consent("c1", said, confirmed=confirmed)
    shop.plan(terms=terms)
    assert reasons(shop) == [("suppressed", reason.UNCONFIRMED)]


def test_a_link_that_is_too_old_confirms_nothing(shop: Shop) -> None:
    planned(shop)
    token = links_of(shop).confirm_token(ConfirmRequest("shop", "c1", "platform", NOW))
    with pytest.raises(UsageError, match="too old"):
        confirm(shop.store, links_of(shop), token, now=NOW)


def test_who_confirms_after_unsubscribing_is_written_to_again(shop: Shop) -> None:
    planned(shop)
    token = links_of(shop)._signed("unsubscribe", shop.messages()[0].key)
    unsubscribe(shop.store, links_of(shop), token, now=NOW)
    shop.clock.move(minutes=1)
    now = shop.clock.now()
    request = ConfirmRequest("shop", "c1", "platform", now + timedelta(days=1))
    confirm(shop.store, links_of(shop), links_of(shop).confirm_token(request), now=now)
    assert shop.deliver().sent == 1


def test_a_refusal_counts_though_the_clock_was_set_back_since_the_grant(shop: Shop) -> None:
    shop.customer()
    shop.plan()
    shop.clock.move(hours=-3)
    withdraw_consent(shop.store, "shop", "c1", actor="li", now=shop.clock.now())
    shop.clock.move(hours=6)
    shop.deliver()
    assert shop.states() == ["suppressed"]


def test_a_merge_widens_no_consent_and_forgets_no_message(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1, period="7d")
    shop.customer()
    shop.customer(consent=False)
    shop.plan()
    assert shop.deliver().sent == 1
    # Both turn out to be one person, and a third campaign writes to the one who had refused.
    with shop.store.write() as transaction:
        transaction.execute(update(Account).values(customer_id=2))
    shop.campaigns = [campaign(name="more", purpose="marketing")]
    shop.clock.move(hours=1)
    shop.order("c2", "Tea", days_ago=0)
    shop.limits = Limits(per_customer=9, period="7d")
    shop.plan()
    assert [m.reason for m in shop.messages() if m.campaign == "more"] == [reason.REFUSED]
    # Written to on the account that agreed, they have had their message of the week.
    shop.campaigns = [campaign(name="most")]
    shop.order("c1", "Tea", days_ago=-0.01)
    shop.plan()
    shop.limits = Limits(per_customer=1, period="7d")
    shop.deliver()
    assert [m.reason for m in shop.messages() if m.campaign == "most"] == [reason.CUSTOMER_LIMIT]


def test_service_messages_have_a_limit_of_their_own(shop: Shop) -> None:
    shop.campaigns = [campaign(name=f"sorry{n}", purpose="service") for n in range(3)]
    planned(shop)
    shop.limits = Limits(service_per_customer=2, service_period="1d")
    assert shop.deliver().counts == {"sent": 2, "postponed": 1}
    shop.clock.move(days=1)
    assert shop.deliver().sent == 1


def test_a_rule_has_a_daily_cap_over_all_its_campaigns(shop: Shop) -> None:
    shop.campaigns = [campaign(), campaign(name="more")]
    shop.limits = Limits(per_customer=100, per_rule={"churn_risk": 3})
    for _ in range(2):
        shop.customer()
    shop.plan()
    assert shop.deliver(batch=1).counts == {"sent": 3, "postponed": 1}
    assert [m.reason for m in shop.messages() if m.state == "queued"] == [reason.RULE_CAP]
    shop.clock.move(days=1)
    assert shop.deliver().sent == 1


def test_a_holiday_of_the_shops_calendar_postpones_to_its_end(shop: Shop) -> None:
    shop.limits = Limits(per_customer=100, holidays={"a long one": "2026-03-04..2026-03-05", "next": "03-06"})
    planned(shop)
    assert shop.deliver().counts == {"postponed": 1}
    (message,) = shop.messages()
    assert message.reason == reason.HOLIDAY
    assert message.next_attempt_at == datetime(2026, 3, 6, 16, 0, tzinfo=UTC)
    shop.campaigns = [campaign(on_holidays=True, name="urgent")]
    shop.plan()
    assert shop.deliver().sent == 1


@pytest.mark.parametrize(
    ("customer", "sent"),
    [
        ({"zone": "Europe/London"}, 0),  # four in the morning there
        ({"country": "gb"}, 0),
        ({"country": "CN", "zone": None}, 1),  # noon by law, though Urumqi lives by another time
        ({"country": "US"}, 1),  # has several: the shop's counts
        ({"zone": "Moon/Tranquility"}, 1),
        ({}, 1),
    ],
)
def test_quiet_hours_are_those_of_the_customers_zone_where_it_is_known(
    shop: Shop, customer: dict[str, Any], sent: int
) -> None:
    shop.campaigns = [campaign(quiet_hours="21:00-09:00")]
    planned(shop, **customer)
    assert shop.deliver().sent == sent


def test_a_day_that_comes_every_year_may_go_over_its_turn() -> None:
    days = Holiday.parse("12-24..01-02")
    inside = [date(2026, 12, 24), date(2026, 12, 31), date(2027, 1, 2)]
    assert [day for day in [*inside, date(2027, 1, 3), date(2026, 12, 23)] if day in days] == inside


def test_nobody_can_read_the_key_in_a_representation(shop: Shop) -> None:
    assert SECRET not in repr(Terms.of(shop.store, ConsentConfig(key=SECRET)))
    assert SECRET not in repr(ConsentConfig(key=SECRET))
    with shop.store.read() as transaction:
        own = transaction.scalar(text("SELECT value FROM hash_key"))
    assert own not in repr(Keyring(shop.store).keys)
