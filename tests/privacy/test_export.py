"""Everything of a person in one document, for nobody else."""

from __future__ import annotations

import csv
import io
import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import canary
import pytest
from household import Household
from sqlmodel import SQLModel

from crmsync.care import suppress
from crmsync.care.export import export_customer
from crmsync.cli.command import run

_NOT_OF_A_PERSON = {
    *("agent", "agent_fact", "alert", "approval", "attendance", "backtest", "connection", "cursor"),
    *(
        "encryption_key",
        "erasure",
        "fact_refresh",
        "hash_key",
        "knowledge",
        "lane",
        "model_fit",
        "product",
        "product_fact",
    ),
    *("quota", "rule_state", "run", "seen", "segment", "shop_fact", "token", "tombstone", "touched"),
    "webhook_event",
    # Copies of what stands in the sections: orders, their lines, refunds, reviews, conversations.
    *(f"{of}_tally" for of in ("account", "event", "line", "order", "pair", "sum", "trouble", "week")),
}
_SECTIONS = {
    "account": "accounts",
    "assignment": "campaign_arms",
    "audit": "audit",
    "case": "cases",
    "case_event": "case_steps",
    "consent": "consents",
    "conversation": "conversations",
    "customer": "customers",
    "customer_fact": "facts",
    "customer_spend": "other_currencies",
    "delivery": "deliveries",
    "flag": "flags",
    "flag_event": "flag_history",
    "message": "messages",
    "order": "orders",
    "order_line": "order_lines",
    "quarantine": "quarantined",
    "refund": "refunds",
    "review": "reviews",
    "segment_member": "segments",
    "suppression": "suppressions",
}


def exported(household: Household, app: Any, id: int) -> dict[str, Any]:
    found = export_customer(
        app.store, app.terms.keyring, id, actor="li", language="zh", now=household.clock.now()
    )
    return dict(found.sections)


def test_every_table_is_a_section_or_tells_of_nobody() -> None:
    """A new table must say which it is."""
    assert set(SQLModel.metadata.tables) == _NOT_OF_A_PERSON | set(_SECTIONS)


def test_it_holds_all_of_the_person_and_nothing_of_others(household: Household) -> None:
    app = household.app()
    id = household.meets(app)
    suppress(
        app.store,
        "email",
        canary.EMAIL,
        why="asked by letter",
        actor="li",
        now=household.clock.now(),
        keyring=app.terms.keyring,
    )
    sections = exported(household, app, id)
    assert sections.keys() == set(_SECTIONS.values()) - {"customers"}
    empty = {"other_currencies", "conversations", "flags", "flag_history", "segments"}
    assert {name for name, rows in sections.items() if not rows} <= empty
    told = repr(sections)
    for one in (canary.EMAIL, canary.PHONE, canary.NAME, canary.REVIEW, canary.REFUND, canary.NOTE):
        assert one in told
    assert {row["external_id"] for row in sections["orders"]} == set(canary.ORDERS[:2])
    assert len(sections["quarantined"]) == 2
    [account] = sections["accounts"]
    assert (account["connection"], account["external_id"]) == ("shop", canary.ACCOUNT)
    others = {row["id"] for row in household.shop.rows("customers")} - {canary.ACCOUNT, canary.SPOILT}
    assert not [other for other in others if other in told]
    assert household.value(app.store, "SELECT object FROM audit WHERE action = 'export_customer'") == (
        f"customer {id}"
    )


def test_reasons_are_told_in_the_readers_language(household: Household) -> None:
    app = household.app()
    household.meets(app)
    flagged = household.value(app.store, "SELECT MIN(CAST(subject_id AS INTEGER)) FROM flag")
    [flag, *_] = exported(household, app, flagged)["flags"]
    assert flag["reasons"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in "".join(flag["reasons"]))


@pytest.fixture
def command(household: Household, monkeypatch: pytest.MonkeyPatch) -> Household:
    app = household.app()
    household.meets(app)
    app.close()
    monkeypatch.setenv("CRMSYNC_CONFIG", str(household.path))
    monkeypatch.setenv("CRMSYNC_DATABASE", household.url)
    return household


def test_files_are_for_their_owner_only_and_never_overwritten(
    command: Household, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, tables = tmp_path / "person.json", tmp_path / "person.zip"
    whom = f"shop/{canary.ACCOUNT}"
    arguments = ["customers", "export", whom, "--file", str(document), "--csv", str(tables), "--json"]
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["orders"] == 2
    for path in (document, tables):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = json.loads(document.read_text("utf-8"))
    assert whole["version"] == 1
    assert whole["accounts"][0]["email"] == canary.EMAIL
    with zipfile.ZipFile(tables) as archive:
        [row] = csv.DictReader(io.StringIO(archive.read("accounts.csv").decode("utf-8-sig")))
    assert row["name"] == canary.NAME
    assert row["phone"] == f"'{canary.PHONE}"
    assert run(arguments) == 2
    assert "exists" in capsys.readouterr().out


def test_without_a_file_the_document_goes_to_standard_output(
    command: Household, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["customers", "export", f"shop/{canary.ACCOUNT}"]) == 0
    assert json.loads(capsys.readouterr().out)["messages"][0]["campaign"] == "thanks"


def test_erasing_asks_or_is_told_not_to(command: Household, capsys: pytest.CaptureFixture[str]) -> None:
    whom = f"shop/{canary.ACCOUNT}"
    assert run(["customers", "erase", whom, "--json"]) == 2
    assert "--yes" in json.loads(capsys.readouterr().out)["error"]["fix"]
    assert run(["customers", "erase", whom, "--dry-run", "--json"]) == 0
    would = json.loads(capsys.readouterr().out)
    assert would["dry_run"]
    assert run(["customers", "erase", whom, "--yes", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["counts"] == would["counts"]
    assert done["files_clean"]
    assert run(["customers", "erase", whom, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {}
    assert run(["db", "clean", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": 1, "clean": True, "waiting": 0}


def test_a_formula_in_a_name_stays_a_name(household: Household, tmp_path: Path) -> None:
    from crmsync.cli.document import write_tables

    write_tables(tmp_path / "one.zip", {"accounts": [{"name": "=HYPERLINK(1)", "n": -1}], "orders": []})
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["accounts.csv"]
        assert archive.read("accounts.csv").decode("utf-8-sig").splitlines()[1] == "'=HYPERLINK(1),-1"
