from __future__ import annotations

from typing import Any

import pytest
from care_shop import Shop, campaign
from sqlalchemy import update

from crmsync.care import approve, plan, reason
from crmsync.config import Limits
from crmsync.sdk import AuthError
from crmsync.store.tables import Account


def counts(shop: Shop, **options: Any) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    done = shop.plan(**options).campaigns["win-back"]
    assert done.occasions == done.planned.total() + done.skipped.total()
    return dict(done.planned), dict(done.suppressed), dict(done.skipped)


def test_a_flag_becomes_one_message_with_final_text(shop: Shop) -> None:
    shop.customer(name="Lin {{ 7 * 7 }}")
    assert counts(shop) == ({"queued": 1}, {}, {})
    (message,) = shop.messages()
    assert "Lin {{ 7 * 7 }}" in message.body
    assert message.subject == "It has been a while since we heard from you"
    assert (message.state, message.purpose, message.medium) == ("queued", "marketing", "platform")


def test_planning_again_plans_nothing(shop: Shop) -> None:
    for _ in range(3):
        shop.customer()
    shop.plan()
    assert counts(shop) == ({}, {}, {reason.COOLDOWN: 3})
    assert len(shop.messages()) == 3


def test_many_customers_are_planned_in_chunks(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmsync.care.proposal.CHUNK", 3)
    for _ in range(8):
        shop.customer()
    assert counts(shop) == ({"queued": 8}, {}, {})


def test_a_key_that_exists_is_left_alone(shop: Shop) -> None:
    shop.campaigns = [campaign(cooldown="0s")]
    shop.customer()
    shop.plan()
    assert counts(shop) == ({}, {}, {reason.ALREADY_PLANNED: 1})


def test_a_flag_that_stands_on_is_answered_again_after_the_cooldown(shop: Shop) -> None:
    shop.customer()
    shop.plan()
    shop.clock.move(days=89)
    assert counts(shop)[0] == {}
    shop.clock.move(days=1, seconds=1)
    assert counts(shop)[0] == {"queued": 1}


def test_a_flag_raised_again_within_the_cooldown_is_not_answered(shop: Shop) -> None:
    customer = shop.customer()
    shop.plan()
    shop.clear(customer)
    shop.clock.move(days=10)
    shop.flag(customer)
    assert counts(shop) == ({}, {}, {reason.COOLDOWN: 1})


def test_only_standing_flags_of_the_rule_and_level_count(shop: Shop) -> None:
    shop.campaigns = [campaign(level="medium")]
    shop.customer(level="low")
    shop.customer(level="medium")
    shop.customer(level="high")
    shop.customer(flag="vip")
    shop.clear(shop.customer())
    assert counts(shop) == ({"queued": 2}, {}, {})


def test_a_campaign_that_is_off_plans_nothing(shop: Shop) -> None:
    shop.campaigns = [campaign(enabled=False)]
    shop.customer()
    assert shop.plan().campaigns == {}


@pytest.mark.parametrize(("consent", "why"), [(None, reason.NO_CONSENT), (False, reason.REFUSED)])
def test_without_consent_nothing_is_sent_and_the_ledger_says_why(
    shop: Shop, consent: bool | None, why: str
) -> None:
    shop.customer(consent=consent)
    assert counts(shop) == ({"suppressed": 1}, {why: 1}, {})
    (message,) = shop.messages()
    assert (message.subject, message.body) == ("", "")


def test_consent_given_later_opens_the_same_message(shop: Shop) -> None:
    shop.customer(consent=None)
    shop.plan()
    shop.clock.move(hours=1)
    assert counts(shop)[0] == {}
    shop.consent("c1", True)
    assert counts(shop) == ({"queued": 1}, {}, {})
    assert shop.states() == ["queued"]
    assert counts(shop)[0] == {}


def test_a_service_message_needs_no_consent_but_respects_a_refusal(shop: Shop) -> None:
    shop.campaigns = [campaign(purpose="service", template="apology")]
    shop.customer(consent=None)
    shop.customer(consent=None)
    shop.consent("c2", False, purpose="service")
    assert counts(shop) == ({"queued": 1, "suppressed": 1}, {reason.REFUSED: 1}, {})


def test_the_control_group_is_stable_and_in_the_ledger(shop: Shop) -> None:
    shop.campaigns = [campaign(control_group="50%")]
    for _ in range(40):
        shop.customer()
    done = shop.plan().campaigns["win-back"]
    assert 8 <= done.suppressed[reason.CONTROL_GROUP] <= 32
    controls = {m.customer_id for m in shop.messages() if m.reason == reason.CONTROL_GROUP}
    shop.clock.move(days=91)
    shop.plan()
    assert {m.customer_id for m in shop.messages() if m.reason == reason.CONTROL_GROUP} == controls


def test_who_could_not_be_written_to_is_no_control(shop: Shop) -> None:
    shop.campaigns = [campaign(control_group="100%")]
    shop.customer(consent=None)
    shop.customer()
    assert counts(shop)[1] == {reason.NO_CONSENT: 1, reason.CONTROL_GROUP: 1}


def test_the_customers_limit_spans_campaigns_of_marketing_only(shop: Shop) -> None:
    shop.limits = Limits(per_customer=1)
    shop.campaigns = [
        campaign(),
        campaign(name="more"),
        campaign(name="sorry", purpose="service", template="apology"),
    ]
    shop.customer()
    result = shop.plan()
    assert result.campaigns["win-back"].planned == {"queued": 1}
    assert result.campaigns["more"].skipped == {reason.CUSTOMER_LIMIT: 1}
    assert result.campaigns["sorry"].planned == {"queued": 1}


def test_a_customer_of_several_shops_is_written_to_where_they_bought_last(shop: Shop) -> None:
    shop.connect("second")
    customer = shop.customer()
    shop.customer(on="second", of=customer, flag=None)
    shop.order("c1", "Tea", days_ago=200)
    shop.order("c2", "Pot", on="second", days_ago=130, quantity=2)
    shop.order("c2", "Cup", on="second", days_ago=120)
    shop.plan()
    (message,) = shop.messages()
    assert (message.account_id, message.order_id) == ("c2", "o5")
    assert "The second was 120 days ago" in message.body
    assert '"Pot"' in message.body


def test_consent_on_one_platform_does_not_reach_to_another(shop: Shop) -> None:
    shop.connect("second")
    customer = shop.customer(consent=True)
    shop.customer(on="second", of=customer, flag=None, consent=None)
    shop.order("c2", "Pot", on="second", days_ago=120)
    assert counts(shop)[1] == {reason.NO_CONSENT: 1}


@pytest.mark.parametrize(
    ("own", "of_campaign", "of_config", "begins"),
    [
        ("zh-CN", "en", "en", "好久不见"),
        ("fr", "zh", "en", "好久不见"),
        (None, None, "zh", "好久不见"),
        ("en_GB", "zh", "zh", "It has been"),
    ],
)
def test_the_readers_language_comes_first(
    shop: Shop, own: str | None, of_campaign: str | None, of_config: str, begins: str
) -> None:
    shop.campaigns = [campaign(language=of_campaign)]
    shop.customer(language=own)
    shop.plan(language=of_config)
    assert shop.messages()[0].subject.startswith(begins)


def test_a_customer_whose_account_is_gone_is_counted(shop: Shop) -> None:
    shop.customer()
    with shop.store.write() as transaction:
        transaction.execute(update(Account).values(deleted_at=shop.clock.now()))
    assert counts(shop) == ({}, {}, {reason.NO_ACCOUNT: 1})


def test_who_the_channel_cannot_reach_is_suppressed_with_its_reason(shop: Shop) -> None:
    shop.channel.unreachable = "no e-mail address"
    shop.customer()
    assert counts(shop) == ({"suppressed": 1}, {"no e-mail address": 1}, {})


def test_a_connection_that_cannot_send_holds_nothing_against_its_customers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: str) -> None:
        raise AuthError

    monkeypatch.setattr(shop.channel, "idempotency_for", refuse)
    shop.customer()
    assert counts(shop) == ({}, {}, {reason.CHANNEL_UNAVAILABLE: 1})
    monkeypatch.undo()
    assert counts(shop)[0] == {"queued": 1}


def test_a_text_that_cannot_be_rendered_is_skipped_and_tried_again(shop: Shop, tmp_path: Any) -> None:
    path = tmp_path / "promo.j2"
    path.write_text("subject: Hello\n{{ favourite_product }}\n")
    shop.campaigns = [campaign(template=str(path))]
    shop.customer()
    assert counts(shop) == ({}, {}, {reason.TEMPLATE_FAILED: 1})
    shop.order("c1", "Tea", days_ago=100)
    assert counts(shop)[0] == {"queued": 1}
    assert shop.messages()[0].body == "Tea"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"template": "nothing"}, "no such template"),
        ({"channel": "pigeon"}, "not available: pigeon"),
    ],
)
def test_a_campaign_that_cannot_be_planned_does_not_stop_the_others(
    shop: Shop, changes: dict[str, Any], word: str
) -> None:
    shop.campaigns = [campaign(name="bad", **changes), campaign()]
    shop.customer()
    result = shop.plan()
    assert word in result.campaigns["bad"].problem
    assert result.campaigns["win-back"].planned == {"queued": 1}


def test_a_channel_that_carries_no_marketing_plans_none(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.channel, "purposes", frozenset({"service"}), raising=False)
    shop.customer()
    assert reason.CHANNEL_PURPOSE in shop.plan().campaigns["win-back"].problem


def test_the_first_text_waits_for_a_person_and_later_ones_flow(shop: Shop) -> None:
    shop.campaigns = [campaign(approve="first")]
    shop.customer()
    shop.customer()
    assert counts(shop)[0] == {"awaiting_approval": 2}
    assert approve(shop.store, actor="ann", now=shop.clock.now(), ids=[shop.messages()[0].id]) == 2
    shop.customer()
    assert counts(shop)[0] == {"queued": 1}


def test_a_changed_text_waits_again(shop: Shop, tmp_path: Any) -> None:
    path = tmp_path / "promo.j2"
    path.write_text("subject: Hello\nOne.\n")
    shop.campaigns = [campaign(approve="first", template=str(path))]
    shop.customer()
    shop.plan()
    approve(shop.store, actor="ann", now=shop.clock.now(), campaign="win-back")
    path.write_text("subject: Hello\nTwo.\n")
    shop.customer()
    assert counts(shop)[0] == {"awaiting_approval": 1}


def test_always_waits_whatever_was_approved(shop: Shop) -> None:
    shop.campaigns = [campaign(approve="always")]
    shop.customer()
    shop.plan()
    approve(shop.store, actor="ann", now=shop.clock.now(), campaign="win-back")
    shop.customer()
    assert counts(shop)[0] == {"awaiting_approval": 1}


def test_an_offer_that_came_too_late_is_made_afresh_and_an_apology_is_not(shop: Shop) -> None:
    shop.campaigns = [campaign(approve="always"), campaign(name="sorry", purpose="service", approve="always")]
    shop.customer()
    shop.plan()
    shop.clock.move(hours=73)
    shop.deliver()
    assert shop.states() == ["expired", "expired"]
    result = shop.plan()
    assert result.campaigns["win-back"].planned == {"awaiting_approval": 1}
    assert result.campaigns["sorry"].planned == {}
    assert shop.states() == ["awaiting_approval", "expired"]


def test_no_campaigns_plan_nothing(shop: Shop) -> None:
    assert plan(shop.store, [], {}, Limits(), now=shop.clock.now()).planned == 0
