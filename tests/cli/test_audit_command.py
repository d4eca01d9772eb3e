"""`crmsync audit`: listed, verified, and told by `status` and `doctor`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def tamper(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "crmsync.db")) as database, database:
        database.execute("DROP TRIGGER audit_no_update")
        database.execute("UPDATE audit SET actor = 'nobody'")


def dropped(crmsync) -> None:
    (record,) = crmsync("quarantine", "list", "--json").data["records"]
    crmsync("quarantine", "drop", str(record["id"]))


def test_what_was_done_is_listed(crmsync) -> None:
    assert "Nothing" in crmsync("audit", "list").out
    dropped(crmsync)
    (entry,) = crmsync("audit", "list", "--since", "1d", "--json").data["entries"]
    assert (entry["action"], entry["id"]) == ("quarantine_dropped", 1)
    assert "quarantine_dropped" in crmsync("audit", "list", "--action", "quarantine_dropped").out
    assert crmsync("audit", "list", "--actor", "nobody", "--json").data["entries"] == []


def test_a_whole_audit_is_told_with_its_head(crmsync) -> None:
    dropped(crmsync)
    found = crmsync("audit", "verify", "--json")
    assert (found.code, found.data["whole"], found.data["entries"]) == (0, True, 1)
    told = crmsync("audit", "verify", "--head", found.data["head"])
    assert told.code == 0
    assert found.data["head"] in told.out
    assert crmsync("status", "--json").data["audit"]["whole"] is True
    assert "audit: 1 entries" in crmsync("status").out


def test_a_broken_audit_is_a_finding(crmsync, folder: Path) -> None:
    dropped(crmsync)
    tamper(folder)
    found = crmsync("audit", "verify", "--json")
    assert (found.code, found.data["whole"], found.data["broken_at"]) == (3, False, 1)
    assert "Entry 1 " in crmsync("audit", "verify").out
    assert "Entry 1 " in crmsync("status").out
    (check,) = [c for c in crmsync("doctor", "--json").data["checks"] if c["name"] == "audit"]
    assert (check["well"], "Entry 1 " in check["told"]) == (False, True)


def test_a_head_that_is_not_there(crmsync) -> None:
    dropped(crmsync)
    assert crmsync("audit", "verify", "--head", "0" * 64).code == 3
    assert crmsync("audit", "verify", "--head", "0" * 11).code == 2
