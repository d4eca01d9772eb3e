"""Erased for good: the person is nowhere, the books still add up, and no sync brings them back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import canary
import pytest
from canary import database_files, rows_as_text, statistics, traces
from household import Household
from sqlalchemy import select, text

from crmsync.care import erasure, ledger, ledger_faults
from crmsync.care.export import export_customer
from crmsync.cli.output import plain
from crmsync.daemon.checkup import check_live
from crmsync.daemon.privacy import clean, find_person
from crmsync.sdk import UsageError
from crmsync.store.tables import Account
from crmsync.sync.stream import Scope

FOUND_BY = (
    "SELECT COUNT(*) FROM account WHERE (email IS NULL AND email_index IS NOT NULL)"
    " OR (phone IS NULL AND phone_index IS NOT NULL)"
)
"""Accounts that are found by an address they no longer have."""


def everywhere(household: Household, app: Any) -> dict[str, Any]:
    return {
        "rows": traces(rows_as_text(app.store)),
        "files": traces(*database_files(app.store)),
        "log": traces(household.log),
        "found by": household.value(app.store, FOUND_BY),
    }


def test_before_the_search_finds_the_person_and_after_nothing(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    before = everywhere(household, app)
    for needle in canary.NEEDLES:
        assert before["rows"][needle.decode()], needle
        if app.store.dialect == "sqlite" and not app.store.vault.key_id:
            assert before["files"][needle.decode()], needle
    assert not before["log"]
    if app.store.dialect == "postgresql":
        with app.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
            session.execute(text("ANALYZE"))
        assert traces(statistics(app.store))
    tables = rows_as_text(app.store).decode().splitlines()
    named = {line.split()[0] for line in tables if traces(line.encode())}
    assert named >= {"account", "case_event", "consent", "customer", "message", "order", "quarantine"}
    household.erases(app, id)
    assert clean(app.store, household.clock.now()).clean
    for _ in range(3):
        household.reads_all(app)
        assert everywhere(household, app) == {"rows": {}, "files": {}, "log": {}, "found by": 0}
        assert not traces(statistics(app.store))
    found = export_customer(
        app.store, app.terms.keyring, id, actor="li", language="en", now=household.clock.now()
    )
    assert not traces(repr(plain(found.sections)).encode())


def test_the_books_stay(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    books = (
        'SELECT CAST(SUM(total) AS BIGINT) FROM "order"',
        "SELECT CAST(SUM(amount) AS BIGINT) FROM refund",
        "SELECT COUNT(*) FROM review WHERE level = 'bad' AND type IS NOT NULL",
        "SELECT COUNT(*) FROM message",
        "SELECT SUM(reviews * 1000 + bad_reviews * 100 + complaints_logistics * 10) FROM product_fact",
    )
    before = [household.value(app.store, query) for query in books]
    planned = ledger(app.store).planned
    household.erases(app, id)
    household.reads_all(app)
    with app.store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO touched (connection_id, kind, external_id, stamp)"
                " SELECT id, 'all', '', 1 FROM connection"
            )
        )
    app.insight()
    assert [household.value(app.store, query) for query in books] == before
    assert ledger(app.store).planned == planned
    assert ledger_faults(app.store) == {}


def test_reading_everything_again_changes_nothing(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    result = household.reads_all(app)
    assert not result.wrote
    assert [run.status for run in result.runs] == ["ok"] * len(result.runs)
    again = household.erases(app, id)
    assert again.counts == {}


def test_a_new_order_is_booked_and_makes_nobody(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    orders = (
        'SELECT COUNT(*) FROM "order" o JOIN account a ON a.external_id = o.account_id'
        " WHERE a.customer_id = :id"
    )
    before = household.value(app.store, orders, id=id)
    household.shop.create_orders(1, buyer_id=canary.ACCOUNT, receiver=canary.NAME)
    household.shop.put("customers", [{"id": canary.ACCOUNT, "city": canary.CITY}])
    result = app.full_pass()
    assert result.failures == []
    assert household.value(app.store, orders, id=id) == before + 1
    assert not traces(rows_as_text(app.store))
    for table in ("customer_fact", "segment_member"):
        assert not household.value(app.store, f"SELECT COUNT(*) FROM {table} WHERE customer_id = :id", id=id)
    standing = "SELECT COUNT(*) FROM flag WHERE subject_id = :id AND cleared_at IS NULL"
    assert not household.value(app.store, standing, id=str(id))


def test_nothing_is_sent_to_the_person_any_more(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    sent = len(household.shop.messages)
    household.erases(app, id)
    with app.store.write() as connection:
        # Whoever brings an old copy back, or merges the customer with another, still writes to nobody.
        connection.execute(
            text("UPDATE message SET state = 'queued', doubtful = :no WHERE customer_id = :id"),
            {"id": id, "no": False},
        )
    household.clock.advance(app.config.care[0].cooldown)
    for _ in range(2):
        household.reads_all(app)
    assert not [m for m in household.shop.messages[sent:] if m.buyer_id == canary.ACCOUNT]
    assert not household.value(
        app.store, "SELECT COUNT(*) FROM message WHERE customer_id = :id AND state = 'queued'", id=id
    )


def test_the_flags_keep_when_but_no_reason(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    with app.store.write() as connection:
        connection.execute(
            text(
                "INSERT INTO flag (rule, subject, subject_id, level, score, reasons, raised_at, changed_at)"
                " VALUES ('by_hand', 'customer', :id, 'high', 1, '[{\"fact\": \"Quirknote\"}]', 1, 1)"
            ),
            {"id": str(id)},
        )
    household.erases(app, id)
    flag = "SELECT reasons FROM flag WHERE rule = 'by_hand' AND cleared_at IS NOT NULL"
    assert household.value(app.store, flag) == "[]"


def test_a_dry_run_counts_and_changes_nothing(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    before = rows_as_text(app.store)
    would = household.erases(app, id, dry_run=True)
    assert rows_as_text(app.store) == before
    assert would.counts["orders"] == 2
    assert would.counts["quarantined"] == 2
    assert household.erases(app, id).counts == would.counts


@pytest.mark.parametrize("step", ["suppress_person", "pseudonymise", "forget_customers", "audit"])
def test_an_erasure_cut_short_leaves_all_as_it_was(
    household: Household, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = household.app()
    id = household.meets(app)
    before = rows_as_text(app.store)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(erasure, step, fail)
        with pytest.raises(OSError, match="disk full"):
            household.erases(app, id)
    assert rows_as_text(app.store) == before
    household.erases(app, id)
    assert not traces(rows_as_text(app.store))


@pytest.mark.parametrize("reason", [canary.NAME, f"asked by {canary.EMAIL}", "call 19912345678"])
def test_a_reason_that_names_the_person_is_refused(household: Household, reason: str) -> None:
    app = household.app()
    id = household.meets(app)
    with pytest.raises(UsageError, match="tells who they are"):
        household.erases(app, id, reason=reason)
    household.erases(app, id, reason="asked by letter of 3 March")
    detail = household.value(app.store, "SELECT detail FROM audit WHERE action = 'erase_customer'")
    assert detail.startswith("asked by letter of 3 March; 1 accounts")


def test_who_was_erased_is_found_by_their_account_still(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    assert find_person(app.store, app.terms.keyring, f"shop/{canary.ACCOUNT}") == id
    with pytest.raises(UsageError):
        find_person(app.store, app.terms.keyring, "shop/nobody")


def test_what_is_rejected_again_is_kept_without_its_payload(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.shop.put("orders", [{"id": household.shop.rows("orders")[0]["id"], "payable": "1,00"}])
    household.erases(app, id)
    household.reads_all(app)
    kept = "SELECT COUNT(*) FROM quarantine WHERE payload <> ''"
    assert household.value(app.store, kept) == 1
    assert household.value(app.store, "SELECT COUNT(*) FROM quarantine WHERE payload = ''") == 2
    assert not traces(rows_as_text(app.store))


def test_another_account_with_a_proved_address_is_erased_with_it(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    other = {**canary.shop_rows(household.shop.now)["customers"][0], "id": canary.SPOILT}
    household.shop.put("customers", [{**other, "nick": "Another Name"}])
    app.sync_all(["shop"])
    assert household.erases(app, id).customers == (id, find_other(household, app, id))
    assert not traces(rows_as_text(app.store))


def find_other(household: Household, app: Any, id: int) -> Any:
    return household.value(app.store, "SELECT MAX(customer_id) FROM erasure WHERE customer_id <> :id", id=id)


def test_an_account_that_comes_later_with_a_proved_address_is_erased_too(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    profile = canary.shop_rows(household.shop.now)["customers"][0]
    household.shop.put(
        "customers",
        [{**profile, "id": canary.SPOILT, "nick": "Zebulon again", "mobile": "+86 188 0000 0000"}],
    )
    household.shop.create_orders(1, buyer_id=canary.SPOILT)
    result = app.full_pass()
    assert result.failures == []
    told = rows_as_text(app.store).lower()
    assert b"zebulon" not in told
    assert b"quirk" not in told
    app.privacy()
    assert not traces(rows_as_text(app.store))
    assert not household.value(app.store, FOUND_BY)
    assert household.value(app.store, "SELECT COUNT(*) FROM account WHERE erased_at IS NOT NULL") == 2
    assert not household.value(app.store, "SELECT COUNT(*) FROM erasure WHERE files_at IS NULL")


def test_an_address_that_is_not_proved_makes_nobody_the_same_and_is_not_kept(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    stranger = {
        **canary.shop_rows(household.shop.now)["customers"][0],
        "id": "C555555",
        "nick": "Somebody Else",
        "email_verified": False,
        "mobile": None,
        "province": "Hebei",
        "city": "Hebei",
    }
    household.shop.put("customers", [stranger])
    app.sync_all(["shop"])
    household.erases(app, id)
    for _ in range(2):
        account = select(Account.name).where(Account.external_id == "C555555", Account.email.is_(None))
        assert household.value(app.store, account) == "Somebody Else"
        assert not household.value(app.store, FOUND_BY)
        assert not traces(rows_as_text(app.store))
        assert not household.reads_all(app).wrote
    household.shop.put("customers", [{"id": "C555555", "nick": "Somebody New"}])
    app.sync_all(["shop"])
    assert household.value(app.store, account) == "Somebody New"
    assert not traces(rows_as_text(app.store))


@pytest.mark.parametrize("first", ["the owner", "the other"])
def test_an_address_that_another_has_proved_is_the_others(household: Household, first: str) -> None:
    """Or anybody could have anybody erased."""
    app = household.app()
    id = household.meets(app)
    profile = canary.shop_rows(household.shop.now)["customers"][0]
    household.shop.put("customers", [{"id": canary.ACCOUNT, "email_verified": False, "mobile": None}])
    owner = {**profile, "id": "C555555", "nick": "The Owner", "mobile": None, "province": "", "city": ""}
    if first == "the owner":
        household.shop.put("customers", [owner])
    app.sync_all(["shop"])
    done = household.erases(app, id)
    assert done.others == ((id + 1,) if first == "the owner" else ())
    household.shop.put("customers", [owner])
    for _ in range(2):
        household.reads_all(app)
        account = select(Account.email).where(Account.external_id == "C555555", Account.erased_at.is_(None))
        assert household.value(app.store, account) == canary.EMAIL
    listed = household.value(app.store, "SELECT COUNT(*) FROM suppression WHERE kind = 'email'")
    assert listed == (0 if first == "the owner" else 1)


def test_what_was_said_of_an_order_before_it_was_known_falls_silent(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    rows = canary.shop_rows(household.shop.now)
    [review] = rows["reviews"]
    household.shop.put("reviews", [{**review, "id": "QXREVIEW2", "order_id": "QXORDER9", "buyer_id": None}])
    app.sync_all(["shop"])
    household.shop.put("orders", [{**rows["orders"][0], "id": "QXORDER9"}])
    app.sync_all(["shop"])
    assert household.value(app.store, "SELECT text FROM review WHERE external_id = 'QXREVIEW2'") == ""
    household.shop.put("reviews", [{**review, "id": "QXREVIEW3", "order_id": "QXORDER9", "buyer_id": None}])
    app.sync_all(["shop"])
    assert household.value(app.store, "SELECT text FROM review WHERE external_id = 'QXREVIEW3'") == ""
    assert household.value(app.store, "SELECT level FROM review WHERE external_id = 'QXREVIEW3'") == "bad"


def test_a_key_that_was_changed_still_knows_who_was_erased(household: Household) -> None:
    folder: Path = household.path.parent
    (folder / "key").write_text("k" * 40)
    (folder / "new").write_text("n" * 40)
    app = household.app("consent: {key: '${file:key}'}")
    household.erases(app, household.meets(app))
    app.close()
    app = household.app("consent: {key: '${file:new}', old_keys: ['${file:key}']}")
    household.reads_all(app)
    assert not traces(rows_as_text(app.store))
    app.close()
    app = household.app("consent: {key: '${file:new}'}")
    result = app.sync_all(["shop"], scope=Scope(full=True))
    assert {run.status for run in result.runs} == {"failed"}
    assert "under a key that is not configured" in result.runs[0].reason
    assert not traces(rows_as_text(app.store))


def test_another_platform_that_proved_the_same_address_brings_nobody_back(household: Household) -> None:
    app = household.app()
    household.erases(app, household.meets(app))
    result = app.sync_all(["twin"])
    assert result.failures == []
    # Its own id of them is not known yet; it goes, with what belongs to it, when erasures are finished.
    assert traces(rows_as_text(app.store)).keys() <= {canary.ACCOUNT.lower()}
    app.privacy()
    assert not traces(rows_as_text(app.store))


def test_the_files_wait_while_somebody_reads(household: Household) -> None:
    if not household.url.startswith("sqlite"):
        pytest.skip("only files wait")
    app = household.app()
    id = household.meets(app)
    with app.store.read() as reading:
        reading.execute(text("SELECT COUNT(*) FROM account")).all()
        household.erases(app, id)
        assert not clean(app.store, household.clock.now()).clean
        assert app.store.vault.key_id or traces(*database_files(app.store))
        [told] = [check for check in check_live(app) if check.name == "erasures"]
        assert not told.well
    app.privacy()
    assert [check.well for check in check_live(app) if check.name == "erasures"] == [True]
    assert not traces(*database_files(app.store))
    assert not household.value(app.store, "SELECT COUNT(*) FROM erasure WHERE files_at IS NULL")


def test_a_pass_without_a_daemon_finishes_what_is_left(household: Household) -> None:
    app = household.app()
    household.erases(app, household.meets(app))
    assert household.value(app.store, "SELECT COUNT(*) FROM erasure WHERE files_at IS NULL") == 1
    assert app.full_pass().failures == []
    assert household.value(app.store, "SELECT COUNT(*) FROM erasure WHERE files_at IS NULL") == 0
