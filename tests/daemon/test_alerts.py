"""The team is told once of what goes wrong and once of its end, whatever comes between."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from crmsync.config import AlertConfig, Config, ConnectionConfig
from crmsync.daemon.alerts import standing_alerts, tell_team
from crmsync.daemon.notice import MOST
from crmsync.sdk import (
    AuthError,
    Notice,
    RateLimited,
    Receipt,
    Settings,
    TeamChannel,
    TransientError,
    Unconfirmed,
)
from crmsync.store import Store
from crmsync.store.tables import Alert, Connection, Customer, Flag, Lane, Message, Run
from crmsync.testing.clock import FakeClock

MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """The process is gone."""


class Group(TeamChannel[Settings]):
    """A chat group that keeps what it is told; `error` is what posting ends with."""

    name = "group"
    title = "Group"
    Settings = Settings

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.keys: list[str] = []
        self.error: BaseException | None = None

    def notify(self, notice: Notice, key: str) -> Receipt:
        self.keys.append(key)
        if self.error is not None:
            raise self.error
        self.notices.append(notice)
        return Receipt(key)


class Shop:
    """A store whose troubles a test makes and mends, and one group that is told of them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.group = Group()
        self.add(Connection, name="shop", connector="demo", scope="shop")
        self.alerts: dict[str, Any] = {"on": ["connection_failed"]}
        self.language = "en"

    def add(self, table: Any, **given: Any) -> int:
        values = {name: value for name, value in table(**given).model_dump().items() if name != "id" or value}
        with self.store.write() as transaction:
            return int(transaction.execute(insert(table).values(values).returning(table.id)).scalar_one())

    def pulled(self, status: str, reason: str = "", stream: str = "orders") -> None:
        now = self.clock.now()
        values = {"started_at": now, "ended_at": now, "status": status, "reason": reason}
        self.add(Run, connection_id=1, stream=stream, kind="incremental", **values)

    def told(self) -> list[tuple[str, str]]:
        """One look; the state and the title of each new notice."""
        before = len(self.group.notices)
        config = Config(
            connections=[ConnectionConfig(id="shop", connector="demo", settings=Settings())],
            alerts=[AlertConfig(channel="group", **self.alerts)],
            language=self.language,
        )
        self.result = tell_team(self.store, config, {"group": self.group}, self.clock)
        return [(notice.state, notice.title) for notice in self.group.notices[before:]]

    def later(self, span: timedelta) -> list[tuple[str, str]]:
        self.clock.advance(span)
        return self.told()


@pytest.fixture
def shop(store: Store) -> Shop:
    return Shop(store)


def test_a_trouble_is_told_once_and_so_is_its_end(shop: Shop) -> None:
    assert shop.told() == []
    shop.pulled("failed", "GET shop.example/orders: 503")
    assert shop.told() == [("raised", "crmsync: shop cannot be pulled")]
    assert shop.group.notices[0].text == "orders: GET shop.example/orders: 503\nSee: crmsync status"
    assert shop.later(MINUTE) == []
    shop.pulled("failed", "GET shop.example/orders: 500")
    assert shop.later(MINUTE) == []
    shop.pulled("ok")
    assert shop.later(MINUTE) == [("recovered", "crmsync: shop is pulled again")]
    assert shop.later(MINUTE) == []
    assert standing_alerts(shop.store) == []


def test_one_that_stands_on_is_told_again(shop: Shop) -> None:
    shop.alerts["repeat"] = "6h"
    shop.pulled("failed")
    shop.told()
    assert shop.later(timedelta(hours=6) - MINUTE) == []
    assert shop.later(MINUTE) == [("reminder", "crmsync: still: shop cannot be pulled")]
    assert shop.later(timedelta(hours=6) - MINUTE) == []
    assert shop.later(MINUTE) == [("reminder", "crmsync: still: shop cannot be pulled")]
    shop.alerts["repeat"] = None
    assert shop.later(timedelta(days=9)) == []
    assert len(set(shop.group.keys)) == 3


def test_a_short_trouble_is_not_worth_a_word(shop: Shop) -> None:
    shop.alerts["after"] = "10m"
    shop.pulled("failed")
    assert shop.told() == []
    shop.pulled("ok")
    assert shop.later(MINUTE) == []
    shop.pulled("failed")
    assert shop.later(MINUTE) == []
    assert [state for state, _ in shop.later(timedelta(minutes=10))] == ["raised"]


def test_many_troubles_are_one_notice(shop: Shop) -> None:
    shop.alerts["on"] = ["rate_over_threshold"]
    for number in range(200):
        flag(shop, subject_id=f"shop/p{number:03}")
    assert shop.told() == [("raised", "crmsync: 200 products, shops or agents are over a threshold")]
    lines = shop.group.notices[0].text.splitlines()
    assert lines[0] == "- complaints: product shop/p000: 12 of 40 orders"
    assert lines[MOST:] == ["and 190 more", "See: crmsync flags"]
    flag(shop, subject_id="shop/p999")
    assert shop.later(MINUTE) == [("raised", "crmsync: Over the threshold: complaints: product shop/p999")]
    with shop.store.write() as transaction:
        transaction.execute(update(Flag).values(cleared_at=shop.clock.now()))
    assert [state for state, _ in shop.later(MINUTE)] == ["recovered"]


def flag(shop: Shop, **values: Any) -> None:
    now = shop.clock.now()
    told = '{"message": "{hits} of {n} orders", "values": {"hits": 12, "n": 40}, "own": {}}'
    reasons = f'[{{"fact": "rate", "value": 0.3, "threshold": 0.1, "evidence": [], "told": {told}}}]'
    given = {"rule": "complaints", "subject": "product", "level": "high", "score": 0.3, "reasons": reasons}
    shop.add(Flag, **given | {"raised_at": now, "changed_at": now} | values)


def test_flags_of_customers_are_no_alert(shop: Shop) -> None:
    shop.alerts["on"] = ["rate_over_threshold"]
    flag(shop, subject="customer", subject_id="7")
    assert shop.told() == []


def test_a_channel_that_fails_is_tried_again_ever_less_often(shop: Shop) -> None:
    shop.pulled("failed")
    shop.group.error = TransientError("down")
    shop.told()
    assert [f.part for f in shop.result.failures] == ["group"]
    tries = []
    for minute in range(130):
        before = len(shop.group.keys)
        shop.later(MINUTE)
        tries += [minute + 1] * (len(shop.group.keys) - before)
    assert tries == [1, 3, 7, 15, 31, 63, 123]
    assert len(set(shop.group.keys)) == 1
    shop.group.error = None
    assert [state for state, _ in shop.later(timedelta(hours=1))] == ["raised"]


def test_a_pause_the_channel_asks_for_is_kept(shop: Shop) -> None:
    shop.pulled("failed")
    shop.group.error = RateLimited("slow", until=shop.clock.now() + timedelta(minutes=10))
    shop.told()
    shop.group.error = None
    assert shop.later(timedelta(minutes=9)) == []
    assert [state for state, _ in shop.later(MINUTE)] == ["raised"]


@pytest.mark.parametrize("error", [Unconfirmed("lost"), Killed()])
def test_what_may_have_been_told_is_not_told_again(shop: Shop, error: BaseException) -> None:
    shop.pulled("failed")
    shop.group.error = error
    if isinstance(error, Killed):
        with pytest.raises(Killed):
            shop.told()
    else:
        shop.told()
    shop.group.error = None
    assert shop.later(MINUTE) == []
    shop.pulled("ok")
    assert [state for state, _ in shop.later(MINUTE)] == ["recovered"]


def test_an_end_that_may_have_been_told_is_not_told_again(shop: Shop) -> None:
    shop.pulled("failed")
    shop.told()
    shop.pulled("ok")
    shop.group.error = Killed()
    with pytest.raises(Killed):
        shop.told()
    shop.group.error = None
    assert shop.later(MINUTE) == []
    assert standing_alerts(shop.store) == []


def test_what_comes_back_before_its_end_was_told_has_never_ended(shop: Shop) -> None:
    shop.pulled("failed")
    shop.told()
    shop.pulled("ok")
    shop.group.error = AuthError("no")
    shop.told()
    shop.group.error = None
    shop.pulled("failed")
    assert shop.later(timedelta(hours=1)) == []


def test_what_is_no_longer_asked_for_is_forgotten(shop: Shop) -> None:
    shop.pulled("failed")
    shop.told()
    shop.alerts["on"] = ["stream_behind"]
    assert shop.told() == []
    assert standing_alerts(shop.store) == []


def message(shop: Shop, state: str, **values: Any) -> int:
    now = shop.clock.now()
    with shop.store.read() as reading:
        number = len(reading.execute(Message.__table__.select()).all())  # type: ignore[attr-defined]
    if number == 0:
        shop.add(Customer, id=1, key="shop/c1", learned_at=now)
    given = {
        "key": f"k{number}", "campaign": "thanks", "template": "t", "template_version": "1",
        "approve": "first",
        "purpose": "service", "channel": "mail", "medium": "email", "connection_id": 1, "account_id": "c1",
        "customer_id": 1, "flag_id": 1, "level": "low", "language": "en", "state": state, "planned_at": now,
        "expires_at": now, "next_attempt_at": now, "changed_at": now, "body": "Dear Lin, lin@example.com",
    }  # fmt: skip
    return shop.add(Message, **given | values)


@pytest.mark.parametrize(
    ("kind", "state", "raised", "over"),
    [
        (
            "approval_waiting",
            "awaiting_approval",
            "Messages of thanks wait for approval",
            "No message of thanks waits for approval any more",
        ),
        (
            "message_unknown",
            "unknown",
            "Messages of thanks may or may not have arrived",
            "Every message of thanks is settled",
        ),
    ],
)
def test_messages_that_wait_for_a_person(shop: Shop, kind: str, state: str, raised: str, over: str) -> None:
    shop.alerts["on"] = [kind]
    message(shop, "queued")
    assert shop.told() == []
    message(shop, state)
    message(shop, state)
    assert shop.told() == [("raised", f"crmsync: {raised}")]
    assert shop.group.notices[0].text.startswith("2 messages\n")
    assert "lin@example.com" not in shop.group.notices[0].whole
    with shop.store.write() as transaction:
        transaction.execute(update(Message).values(state="sent"))
    assert shop.told() == [("recovered", f"crmsync: {over}")]


def test_a_channel_that_delivers_nothing(shop: Shop) -> None:
    shop.alerts["on"] = ["breaker_open"]
    assert shop.told() == []
    now, why = shop.clock.now(), "mail.example answered 550 to lin@example.com"
    lane = {
        "channel": "mail",
        "connection": "shop",
        "pauses": 1,
        "reason": why,
        "since": now,
        "open_until": now,
    }
    with shop.store.write() as transaction:
        transaction.execute(insert(Lane).values(lane))
    assert shop.told() == [("raised", "crmsync: mail/shop delivers nothing")]
    assert "550" in shop.group.notices[0].text
    assert "lin@example.com" not in shop.group.notices[0].text
    with shop.store.write() as transaction:
        transaction.execute(delete(Lane))
    assert shop.told() == [("recovered", "crmsync: mail/shop delivers again")]


def test_it_is_told_in_the_language_of_the_team(shop: Shop) -> None:
    shop.language = "zh"
    shop.pulled("failed", "503")
    assert shop.told() == [("raised", "crmsync: shop 无法拉取")]
    assert shop.group.notices[0].text.splitlines()[-1] == "查看：crmsync status"
    shop.alerts["language"] = "en"
    shop.pulled("ok")
    assert shop.told() == [("recovered", "crmsync: shop is pulled again")]


def test_every_kind_can_be_told_in_both_languages(shop: Shop) -> None:
    from typing import get_args

    from crmsync.config.alert import AlertKind
    from crmsync.daemon.notice import notice
    from crmsync.daemon.trouble import Trouble
    from crmsync.sdk import Told

    troubles = [Trouble("a", Told("x")), Trouble("b", Told("x"))]
    now: datetime = shop.clock.now()
    for kind in get_args(AlertKind):
        for state in ("raised", "reminder", "recovered"):
            for some in (troubles, troubles[:1]):
                english, chinese = (notice(kind, state, some, language, now) for language in ("en", "zh"))  # type: ignore[arg-type]
                assert english.title != chinese.title
                assert "{" not in english.whole + chinese.whole


def test_a_state_that_was_lost_is_only_told_anew(shop: Shop) -> None:
    shop.pulled("failed")
    shop.told()
    with shop.store.write() as transaction:
        transaction.execute(delete(Alert))
    assert [state for state, _ in shop.told()] == ["raised"]
