"""What was kept long enough goes, and reading everything again brings none of it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import canary
import pytest
from canary import rows_as_text, traces
from household import Household
from sqlalchemy import text

from crmsync.care.cases import advance
from crmsync.cli.command import run
from crmsync.daemon.app import App
from crmsync.sync.stream import Scope

CONTACT = "SELECT COUNT(*) FROM account WHERE external_id = :id AND email IS NOT NULL"


@contextmanager
def opened(household: Household, retention: str = "{}", connection: str = "") -> Iterator[App]:
    app = household.app(f"retention: {retention}\n", connection=connection)
    try:
        yield app
    finally:
        app.close()


def met(household: Household) -> None:
    with opened(household) as app:
        household.meets(app)


def reads_all(app: App) -> Any:
    return app.sync_all(["shop"], scope=Scope(full=True))


FIELDS = {
    "review_text": canary.REVIEW,
    "refund_reason": canary.REFUND,
    "message_text": f"Hello {canary.NAME}",
    "quarantine_payload": canary.PAYLOAD,
}


@pytest.mark.parametrize("field", FIELDS)
def test_a_text_goes_when_its_time_is_over_and_not_before(household: Household, field: str) -> None:
    met(household)
    needle = FIELDS[field].encode()
    household.clock.advance(timedelta(days=50))
    with opened(household, f"{{{field}: 200d}}") as app:
        assert app.expire() == {}
        assert needle in rows_as_text(app.store)
    with opened(household, f"{{{field}: 49d}}") as app:
        would = app.expire(dry_run=True)
        assert needle in rows_as_text(app.store)
        assert app.expire() == would
        assert set(would) == {field}
        assert needle not in rows_as_text(app.store)
        assert app.expire() == {}
        for _ in range(2):
            reads_all(app)
            assert needle not in rows_as_text(app.store)


def test_what_changed_at_the_platform_does_not_bring_an_old_text_back(household: Household) -> None:
    met(household)
    household.clock.advance(timedelta(days=50))
    with opened(household, "{review_text: 49d}") as app:
        app.expire()
        level = "SELECT level FROM review WHERE external_id = 'QXREVIEW'"
        topic = "SELECT type FROM review WHERE external_id = 'QXREVIEW'"
        before = household.value(app.store, level), household.value(app.store, topic)
        household.shop.put(
            "reviews", [{"id": "QXREVIEW", "replied_at": household.shop.now.isoformat(), "stars": 1}]
        )
        assert reads_all(app).wrote
        assert canary.REVIEW.encode() not in rows_as_text(app.store)
        assert (household.value(app.store, level), household.value(app.store, topic)) == before


def test_the_notes_of_a_case_go_after_it_was_closed(household: Household) -> None:
    met(household)
    with opened(household, "{case_notes: 30d}") as app:
        household.clock.advance(timedelta(days=90))
        assert app.expire() == {}
        case = household.value(app.store, 'SELECT MAX(id) FROM "case"')
        for _ in range(4):
            advance(app.store, case, app.config.cases, actor="li", now=household.clock.now())
        advance(
            app.store,
            case,
            app.config.cases,
            actor="li",
            now=household.clock.now(),
            resolved=True,
            note="all well",
        )
        household.clock.advance(timedelta(days=29))
        assert app.expire() == {}
        household.clock.advance(timedelta(days=2))
        assert app.expire() == {"case_notes": 2}
        assert canary.NOTE.encode() not in rows_as_text(app.store)


def test_a_message_that_may_still_go_keeps_its_text(household: Household) -> None:
    met(household)
    with opened(household, "{message_text: 1d}") as app:
        with app.store.write() as connection:
            connection.execute(text("UPDATE message SET state = 'unknown'"))
        household.clock.advance(timedelta(days=50))
        assert app.expire() == {}


def test_contact_data_go_after_the_last_delivery_and_come_back_with_an_order(household: Household) -> None:
    met(household)
    account = {"id": canary.ACCOUNT}
    with opened(household, "{contact: 30d}") as app:
        household.clock.advance(timedelta(days=21))
        app.expire()
        assert household.value(app.store, CONTACT, **account) == 1
        household.clock.advance(timedelta(days=3))
        app.expire()
        assert household.value(app.store, CONTACT, **account) == 0
        row = "SELECT language || country FROM account WHERE external_id = :id AND city IS NULL"
        assert household.value(app.store, row, **account) == "enCN"
        reads_all(app)
        assert not reads_all(app).wrote
        # Something else of the profile changes: the rest of it stays away.
        household.shop.put("customers", [{**account, "lang": "fr"}])
        app.sync_all(["shop"])
        assert household.value(app.store, row, **account) == "frCN"
        assert household.value(app.store, CONTACT, **account) == 0
        household.shop.advance(household.clock.now() - household.shop.now)
        household.shop.create_orders(1, buyer_id=canary.ACCOUNT)
        app.sync_all(["shop"])
        reads_all(app)
        assert household.value(app.store, CONTACT, **account) == 1


def test_an_old_order_that_changes_brings_no_contact_data_back(household: Household) -> None:
    met(household)
    with opened(household, "{contact: 5d}") as app:
        household.clock.advance(timedelta(days=40))
        app.expire()
        household.shop.put("orders", [{"id": canary.ORDERS[0], "status": "FINISHED"}])
        app.sync_all(["shop"])
        reads_all(app)
        assert household.value(app.store, CONTACT, id=canary.ACCOUNT) == 0


def test_a_connection_may_keep_contact_data_for_another_time(household: Household) -> None:
    met(household)
    household.clock.advance(timedelta(days=25))
    with opened(household, "{contact: 730d}", connection="contact_retention: 20d") as app:
        assert app.expire(dry_run=True)["contact"] >= 1
        app.expire()
        assert household.value(app.store, CONTACT, id=canary.ACCOUNT) == 0
    with opened(household) as app:
        app.expire()
        reads_all(app)
        assert household.value(app.store, CONTACT, id=canary.ACCOUNT) == 1


def test_nothing_expires_unless_it_is_said(household: Household) -> None:
    met(household)
    household.clock.advance(timedelta(days=5000))
    with opened(household) as app:
        before = rows_as_text(app.store)
        assert app.expire() == {}
        assert rows_as_text(app.store) == before


def test_more_than_a_batch_goes_too(household: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmsync.care import retention

    monkeypatch.setattr(retention, "BATCH", 2)
    met(household)
    household.clock.advance(timedelta(days=900))
    with opened(household, "{contact: 30d, review_text: 30d}") as app:
        reviews = household.value(app.store, "SELECT COUNT(*) FROM review WHERE text <> ''")
        accounts = household.value(app.store, "SELECT COUNT(*) FROM account WHERE name IS NOT NULL")
        assert app.expire() == {"contact": accounts, "review_text": reviews}
        assert accounts > 4
        assert reviews > 4


def test_the_command_and_the_daemons_stage_do_the_same(
    household: Household, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    met(household)
    with opened(household, "{quarantine_payload: 1s}") as app:
        monkeypatch.setenv("CRMSYNC_CONFIG", str(household.path))
        monkeypatch.setenv("CRMSYNC_DATABASE", household.url)
        assert run(["db", "expire", "--dry-run", "--json"]) == 0
        assert '"quarantine_payload": 2' in capsys.readouterr().out
        household.clock.advance(timedelta(days=1))
        assert app.privacy(expire=True).failures == []
        assert household.value(app.store, "SELECT COUNT(*) FROM quarantine WHERE payload = ''") == 2
        assert traces(rows_as_text(app.store))
