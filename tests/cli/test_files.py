"""Commands that write or read files: init, config, db, and the examples we ship."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent.parent


def test_a_starter_that_can_be_checked(crmsync, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert crmsync("init", "new.yaml", "--language", "zh").code == 0
    assert crmsync("init", "new.yaml").code == 2
    assert "SHOP_TOKEN" in crmsync("check", "-c", "new.yaml").err
    monkeypatch.setenv("SHOP_TOKEN", "a-token-of-mine")
    assert crmsync("check", "-c", "new.yaml").code == 0
    assert (folder / "new.yaml").read_text().count("language: zh") == 1


def test_the_annotated_configuration_is_right(crmsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_SECRET", "demo-secret")
    assert crmsync("check", "-c", str(ROOT / "config" / "crmsync.yaml")).code == 0


def test_the_schema_accepts_the_annotated_configuration(crmsync) -> None:
    schema = json.loads(crmsync("config", "schema").out)
    text = (ROOT / "config" / "crmsync.yaml").read_text("utf-8")
    Draft202012Validator(schema).validate(YAML(typ="safe", pure=True).load(text))


def test_no_secret_is_shown(crmsync, folder: Path) -> None:
    for arguments in (["config", "show"], ["config", "show", "--json"]):
        ran = crmsync(*arguments)
        assert (folder / "secret").read_text() not in ran.out
        assert "client_secret" in ran.out


def test_a_backup_is_a_whole_database_of_its_owner(crmsync, folder: Path) -> None:
    assert crmsync("db", "backup", "copy.db").code == 0
    assert (folder / "copy.db").stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(folder / "copy.db")) as copy, closing(sqlite3.connect("crmsync.db")) as own:
        count = 'SELECT count(*) FROM "order"'
        assert copy.execute(count).fetchone() == own.execute(count).fetchone()
    assert crmsync("db", "backup", "copy.db").code == 2


def test_another_schema(crmsync, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "crmsync.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'later'")
        database.commit()
    ran = crmsync("status", "--json")
    assert ran.code == 9
    assert "db upgrade" in ran.data["error"]["fix"]


def test_findings(crmsync, folder: Path) -> None:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "broken.py").write_text("def broken(:\n")
    (folder / "mine.j2").write_text("no subject\n")
    text = (folder / "crmsync.yaml").read_text().replace("vip_thanks", f"{folder}/mine.j2")
    (folder / "crmsync.yaml").write_text(f"{text}plugin_dirs: [plugins]\n")
    (folder / "crmsync.db").chmod(0o644)
    offline = crmsync("check", "--json")
    assert offline.code == 3
    bad = {check["name"] for check in offline.data["checks"] if not check["well"]}
    assert "plugin broken" in bad
    assert any(name.startswith("template") for name in bad)
    live = crmsync("doctor", "--json")
    assert live.code == 3
    assert "database file" in {check["name"] for check in live.data["checks"] if not check["well"]}
    assert all(check["fix"] for check in live.data["checks"] if not check["well"])


def test_plugins_are_listed_whatever_is_wrong(crmsync, folder: Path) -> None:
    (folder / "crmsync.yaml").write_text("connections: [")
    assert crmsync("status").code == 5
    assert {plugin["name"] for plugin in crmsync("plugins", "list", "--json").data["plugins"]} >= {
        "demo",
        "vip",
    }
