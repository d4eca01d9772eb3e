"""The daemon as ops meet it: a process, its signals and its pages."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from crmsync.care import ledger
from crmsync.config import load_config
from crmsync.daemon.neighbour import ask_daemon
from crmsync.plugins import load_plugins
from crmsync.store import Store
from crmsync.testing import Shop

OVERDUE = """
import sys
from pathlib import Path
from typing import Any
from crmsync.daemon.app import App
from crmsync.daemon.daemon import Daemon
from crmsync.daemon.signals import Signals
with Signals() as signals:
    Daemon(App.open(Path(sys.argv[3])), patience=1).run(signals)
"""


def query(config: Path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(config.parent / "crmsync.db")) as database:
        return database.execute(sql).fetchall()


def test_runs_everything_and_tells_of_it(start_daemon, config: Path, shop: Shop) -> None:
    daemon = start_daemon()
    daemon.until(lambda: shop.messages)
    assert daemon.get("/healthz")[0] == 200
    assert json.loads(daemon.get("/readyz")[1])["leader"] is True
    loaded = load_config(config, load_plugins())
    assert set(ask_daemon(loaded) or {}) == {"sync shop", "rules", "care", "privacy"}
    assert ask_daemon(loaded.model_copy(update={"path": config.with_name("other.yaml")})) is None
    assert daemon.get("/nowhere")[0] == 404
    status, shown = daemon.get("/metrics")
    assert status == 200
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }
    assert samples["crmsync_sync_records_total", "inserted", "orders", "shop"] == len(shop.rows("orders"))
    assert samples["crmsync_stream_lag_seconds", "orders", "shop"] < 30
    assert samples["crmsync_flags", "vip"] > 0
    assert samples["crmsync_config_last_reload_success",] == 1
    assert samples["crmsync_store_readable",] == 1
    assert len([name for name in samples if "shop" in name]) < 100
    assert daemon.end() == 0
    assert query(config, "SELECT count(*) FROM message WHERE state = 'sent'") == [(len(shop.messages),)]

    check_log(daemon, shop)


def check_log(daemon: Any, shop: Shop) -> None:
    """JSON, line for line, without secrets and contact data."""
    events = daemon.events()
    assert len(events) == len(daemon.log.read_text().splitlines())
    assert all({"event", "level", "ts", "logger"} <= event.keys() for event in events)
    text = daemon.log.read_text()
    assert shop.credentials.client_secret not in text
    assert not any(row["mobile"] in text for row in shop.rows("customers") if row["mobile"])


def test_hangup_takes_a_good_configuration_and_keeps_from_a_bad_one(start_daemon, config: Path) -> None:
    daemon = start_daemon()
    good = config.read_text()
    config.write_text(good.replace("vip_thanks", "vip_thanks\n    nonsense: 1"))
    daemon.process.send_signal(signal.SIGHUP)
    assert str(config) in daemon.until_event("reload_failed")["message"]
    assert "crmsync_config_last_reload_success 0.0" in daemon.get("/metrics")[1]
    assert daemon.get("/readyz")[0] == 200

    config.write_text(good.replace("id: shop", "id: other"))
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until_event("reloaded")
    assert "crmsync_config_last_reload_success 1.0" in daemon.get("/metrics")[1]
    assert "sync other" in json.loads(daemon.get("/jobs")[1])["jobs"]
    assert "sync shop" not in json.loads(daemon.get("/jobs")[1])["jobs"]
    daemon.until(lambda: 'connection="other"' in daemon.get("/metrics")[1])
    assert daemon.end() == 0


def test_ends_in_good_order_at_any_moment(start_daemon, config: Path, shop: Shop) -> None:
    moments = random.Random("moments")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        daemon = start_daemon()
        shop.create_orders(5)
        time.sleep(moments.uniform(0, 1.2))
        assert daemon.end(number) == 0, daemon.log.read_text()
        assert query(config, "SELECT count(*) FROM message WHERE state = 'claimed'") == [(0,)]
        assert query(config, "SELECT count(*) FROM run WHERE status = 'running'") == [(0,)]
        assert daemon.events()[-1]["event"] == "stopped"
    sent = query(config, "SELECT count(*) FROM message WHERE state = 'sent'")[0][0]
    assert sent == len(shop.messages) == len({message.key for message in shop.messages})


def test_ends_in_time_when_a_platform_does_not_answer(start_daemon, config: Path, shop: Shop) -> None:
    shop.misbehave("hang", times=None, path="/orders", seconds=60)
    daemon = start_daemon(program=("-c", OVERDUE), ready=False)
    daemon.until(lambda: any(seen.path == "/products" for seen in shop.requests))
    daemon.until(lambda: query(config, "SELECT count(*) FROM run WHERE stream = 'orders'") == [(1,)])
    began = time.monotonic()
    assert daemon.end() == 0
    assert time.monotonic() - began < 10
    assert query(config, "SELECT count(*) FROM run WHERE status = 'running'") == [(0,)]


def test_one_instance_per_database(start_daemon, config: Path) -> None:
    daemon = start_daemon()
    for command in (["run"], ["sync", "--json"]):
        second = subprocess.run(
            [sys.executable, "-m", "crmsync", *command, "-c", str(config)], capture_output=True, text=True
        )
        assert second.returncode == 8, second.stderr
        if "--json" in command:
            error = json.loads(second.stdout)["error"]
            assert error["code"] == "locked"
            assert str(daemon.process.pid) in error["message"]
    assert daemon.end() == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_runs_on_postgresql_once(
    start_daemon, config: Path, shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMSYNC_DATABASE", database_url)
    daemon = start_daemon()
    daemon.until(lambda: shop.messages)
    command = [sys.executable, "-m", "crmsync", "run", "--once", "--json", "-c", str(config)]
    second = subprocess.run(command, capture_output=True, text=True)
    assert (second.returncode, json.loads(second.stdout)["error"]["code"]) == (8, "locked")
    assert daemon.end() == 0
    store = Store(database_url)
    states = ledger(store).states
    store.close()
    assert states["sent"] == len(shop.messages)
    assert states["claimed"] == 0


def test_runs_beside_broken_plugins(start_daemon, config: Path, shop: Shop) -> None:
    folder = config.parent / "plugins"
    folder.mkdir()
    head = "from crmsync.sdk import hookimpl\n\n@hookimpl\n"
    (folder / "syntax.py").write_text("def broken(:\n")
    (folder / "leaver.py").write_text("import sys\nsys.exit(1)\n")
    (folder / "misspelt.py").write_text(f"{head}def crmsync_run_finishd(run): pass\n")
    (folder / "signature.py").write_text(f"{head}def crmsync_run_finished(run, more=1): pass\n")
    config.write_text(f"{config.read_text()}plugin_dirs: [plugins]\n")
    daemon = start_daemon()
    daemon.until(lambda: shop.messages)
    listed = subprocess.run(
        [sys.executable, "-m", "crmsync", "plugins", "list", "--json", "-c", str(config)],
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0
    plugins = {plugin["name"]: plugin for plugin in json.loads(listed.stdout)["plugins"]}
    for name, line in (("syntax", 1), ("leaver", 2), ("misspelt", 4), ("signature", 4)):
        assert plugins[name]["status"] == "failed"
        assert f"{name}.py:{line}:" in plugins[name]["reason"]
    assert daemon.end() == 0


def test_settles_what_a_kill_left(start_daemon, config: Path, shop: Shop) -> None:
    shop.misbehave("hang", times=1, path="/orders", seconds=60)
    daemon = start_daemon()
    daemon.until(lambda: query(config, "SELECT count(*) FROM run WHERE stream = 'orders'") == [(1,)])
    daemon.end(signal.SIGKILL)
    shop.behave()
    again = start_daemon()
    assert again.until_event("recovered")["runs"] == 1
    again.until(lambda: shop.messages)
    assert again.end() == 0


def test_a_fault_is_told_when_it_comes_and_when_it_goes(start_daemon, shop: Shop) -> None:
    shop.misbehave("wrong_shape", times=None, path="/reviews")
    daemon = start_daemon()
    daemon.until(lambda: 'outcome="failed",stream="reviews"} 2' in daemon.get("/metrics")[1])
    told = [e for e in daemon.events() if e["event"] == "run_failed" and e["stream"] == "reviews"]
    assert len(told) == 1
    shop.behave()
    assert daemon.until_event("run_recovered")["stream"] == "reviews"
    assert daemon.end() == 0
