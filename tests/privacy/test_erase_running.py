"""A person is erased while others are at work: a sync that has their profile in hand, and the daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import canary
import pytest
from canary import database_files, rows_as_text, traces
from crmsync_demo.connector import DemoConnector
from household import Household
from sqlalchemy import text

from crmsync.cli.command import run
from crmsync.daemon.app import App
from crmsync.insight import scope
from crmsync.sync import stream

PATIENCE = 60.0


def until(holds: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError("it never happened")


def waits_for_a_lock(app: App) -> bool:
    """On PostgreSQL, whether a session of this database waits; SQLite lets nobody see it."""
    if app.store.dialect != "postgresql":
        return False
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with app.store.read() as reading:
        return reading.execute(text(query)).first() is not None


class Beside:
    """An erasure that is asked for while something else is at work in the same tables."""

    def __init__(self, household: Household, app: App, id: int) -> None:
        self.inside, self.erased = threading.Event(), threading.Event()
        self._app = app
        self._erasing = threading.Thread(target=self._erase, args=(household, id))

    def waits(self) -> None:
        """Called by what is at work: it goes on when the erasure has come as far as it can."""
        self.inside.set()
        while not self.erased.wait(0.3) and self._app.store.dialect == "postgresql":
            if waits_for_a_lock(self._app):
                return

    def work(self, work: Callable[[], Any]) -> None:
        """Do this, which calls `waits`, and the erasure meanwhile, to the end of both."""
        failed: list[BaseException] = []

        def guarded() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)

        working = threading.Thread(target=guarded)
        working.start()
        assert self.inside.wait(PATIENCE)
        self._erasing.start()
        for thread in (working, self._erasing):
            thread.join(PATIENCE)
        assert not failed
        assert self.erased.is_set()

    def _erase(self, household: Household, id: int) -> None:
        household.erases(self._app, id)
        self.erased.set()


def test_a_profile_on_its_way_into_the_store_does_not_slip_through(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = household.app()
    id = household.meets(app)
    # What the platform tells of them has changed, so that it is written again.
    household.shop.put("customers", [{"id": canary.ACCOUNT, "lang": "fr"}])
    beside = Beside(household, app, id)
    real = stream.write_records

    def slow(connection: Any, target: Any, page: Any, now: int) -> Any:
        if target.stream == "customers":
            beside.waits()
        return real(connection, target, page, now)

    monkeypatch.setattr(stream, "write_records", slow)
    beside.work(lambda: app.sync("shop", streams=["customers"]))
    assert not traces(rows_as_text(app.store))


def test_facts_being_counted_and_an_erasure_do_not_lock_each_other_out(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = household.app()
    id = household.meets(app)
    # Their account is touched: what follows from it is counted anew, and then it is so no more.
    household.shop.put("customers", [{"id": canary.ACCOUNT, "lang": "fr"}])
    app.sync("shop")
    touched = "SELECT COUNT(*) FROM touched WHERE kind = 'account' AND external_id = :id"
    assert household.value(app.store, touched, id=canary.ACCOUNT)
    beside = Beside(household, app, id)
    real = scope.release_touched

    def slow(connection: Any) -> None:
        beside.waits()
        real(connection)

    monkeypatch.setattr(scope, "release_touched", slow)
    beside.work(app.insight)
    assert not traces(rows_as_text(app.store))


def test_connections_whose_ids_are_the_same_know_them_by_id(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DemoConnector, "identity_scope", lambda self: "one platform")
    app = household.app()
    id = household.meets(app)
    household.erases(app, id)
    # Without the addresses nothing but the id tells who it is.
    household.shop.put("customers", [{"id": canary.ACCOUNT, "email": None, "mobile": None}])
    app.sync_all(["twin"], scope=stream.Scope(full=True))
    assert not traces(rows_as_text(app.store))
    accounts = "SELECT COUNT(*) FROM account WHERE customer_id = :id AND external_id LIKE 'erased-%'"
    assert household.value(app.store, accounts, id=id) == 2


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_daemon_goes_on_and_cleans_up(
    household: Household, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app = household.app()
    household.meets(app)
    often = "every 1s"
    more = (
        f'daemon: {{listen: "127.0.0.1:{free_port()}", rules_schedule: {often}, care_schedule: {often},'
        f" privacy_schedule: {often}}}"
    )
    household.app(more, connection=f"schedule: {often}").close()
    monkeypatch.setenv("CRMSYNC_CONFIG", str(household.path))
    monkeypatch.setenv("CRMSYNC_DATABASE", household.url)
    log = household.path.with_name("daemon.log")
    with log.open("w") as stderr:
        command = [sys.executable, "-m", "crmsync", "run"]
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, env=dict(os.environ))
    try:
        runs = "SELECT COUNT(*) FROM run WHERE status <> 'running'"
        start = household.value(app.store, runs)
        until(lambda: household.value(app.store, runs) > start)
        assert run(["customers", "erase", f"shop/{canary.ACCOUNT}", "--yes", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"]["accounts"] == 1
        for change in ("fr", "de"):
            rows = canary.shop_rows(household.shop.now)
            household.shop.put("customers", [{**rows["customers"][0], "lang": change}])
            household.shop.put("orders", [{**rows["orders"][0], "shipping": f"{len(change)}.00"}])
            household.shop.put("reviews", [{**rows["reviews"][0], "lang": change}])
            seen = household.value(app.store, runs)
            until(lambda seen=seen: household.value(app.store, runs) > seen + 12)
        until(lambda: not household.value(app.store, "SELECT COUNT(*) FROM erasure WHERE files_at IS NULL"))
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE) == 0
    assert not traces(rows_as_text(app.store), *database_files(app.store), log)
    assert not household.value(app.store, "SELECT COUNT(*) FROM run WHERE status = 'failed'")
