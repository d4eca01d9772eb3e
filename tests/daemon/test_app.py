"""A pass through the whole house, and what does not stop it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from crmsync.daemon.app import App
from crmsync.daemon.outcome import Failure, PassResult
from crmsync.daemon.status import read_status, stored_records
from crmsync.sdk import ConfigError, MigrationNeeded, RunResult, UsageError
from crmsync.store import Store
from crmsync.testing import FakeClock, Shop
from crmsync.testing.ledger import STREAMS

PLUGIN = """
from pathlib import Path

from crmsync.sdk import Channel, Rule, Settings, Veto, hookimpl

NOTES = Path(__file__).with_name("notes.txt")


def note(line):
    with NOTES.open("a") as file:
        file.write(line + "\\n")


class Stubborn(Rule):
    name, title, Settings = "stubborn", "Cannot be made", Settings
    subject = "customer"

    def __init__(self, settings):
        raise RuntimeError("no")

    def judge(self, facts, model):
        return ()


class Mute(Channel):
    name, title, Settings, medium = "mute", "Cannot be made", Settings, "email"

    def __init__(self, settings, context):
        raise RuntimeError("no")

    def send(self, message, key):
        raise NotImplementedError


@hookimpl
def crmsync_rules():
    return [Stubborn]


@hookimpl
def crmsync_channels():
    return [Mute]


@hookimpl
def crmsync_run_finished(run):
    note(f"run {run.stream} {run.status}")


@hookimpl
def crmsync_record_rejected(rejection):
    note(f"rejected {rejection.stream}")


@hookimpl
def crmsync_flags_changed(changes):
    note(f"flags {len(changes)}")


@hookimpl
def crmsync_message_sent(message):
    note("sent")


@hookimpl
def crmsync_review_message(message):
    return Veto("odd numbers wait") if message.id % 2 else None
"""


def opened(config: Path, database: str | None = None) -> App:
    return App.open(config, database=database, clock=FakeClock())


def test_a_full_pass_and_another_that_finds_nothing_new(config: Path, shop: Shop, database_url: str) -> None:
    app = opened(config, database_url)
    try:
        first = app.full_pass()
        assert first.exit_code == 0
        assert first.failures == []
        assert stored_records(app.store) == {
            stream: len(shop.rows(stream)) if stream in STREAMS else 0 for stream in stored_records(app.store)
        }
        assert first.changes
        assert first.delivery is not None
        assert first.delivery.sent == len(shop.messages) > 0
        second = app.full_pass()
        assert not second.wrote
        assert second.changes == ()
        assert second.plan is not None
        assert second.plan.planned == 0
        assert second.delivery is not None
        assert second.delivery.sent == 0
        status = read_status(app.store, app.config, app.clock.now())
        assert {stream.state for stream in status.streams} == {"in sync"}
        assert status.messages["sent"] == len(shop.messages)
    finally:
        app.close()


def test_one_connection_that_fails_does_not_stop_the_other(config: Path, shop: Shop) -> None:
    dead = (
        "  - {id: dead, connector: demo, base_url: 'http://127.0.0.1:9', client_secret: '${file:secret}'}\n"
    )
    config.write_text(config.read_text().replace("connections:\n", f"connections:\n{dead}"))
    app = opened(config)
    try:
        result = app.full_pass()
    finally:
        app.close()
    by_connection = {run.connection: run.status for run in result.runs}
    assert by_connection == {"dead": "failed", "shop": "ok"}
    assert result.exit_code == 4
    assert shop.messages


def test_hooks_are_called_and_what_cannot_be_made_is_told(config: Path, shop: Shop) -> None:
    (config.parent / "plugins").mkdir()
    (config.parent / "plugins" / "noted.py").write_text(PLUGIN)
    text = config.read_text().replace("rules:\n", "plugin_dirs: [plugins]\nrules:\n  stubborn: {}\n")
    config.write_text(f"{text}channels:\n  - {{id: mute, channel: mute}}\n")
    shop.misbehave("malformed_record", path="/reviews")
    app = opened(config)
    try:
        result = app.full_pass()
    finally:
        app.close()
    notes = (config.parent / "plugins" / "notes.txt").read_text().splitlines()
    assert "run orders ok" in notes
    assert "rejected reviews" in notes
    assert f"flags {len(result.changes)}" in notes
    assert notes.count("sent") == len(shop.messages) > 0
    assert result.delivery is not None
    assert result.delivery.counts["awaiting_approval"] > 0
    assert {(failure.stage, failure.part) for failure in result.failures} == {
        ("rules", "stubborn"),
        ("care", "mute"),
    }


def test_a_stop_ends_the_pass(config: Path) -> None:
    app = opened(config)
    try:
        app.stop.set()
        result = app.full_pass()
    finally:
        app.close()
    assert result.exit_code == 130
    assert result.facts is None


def test_an_unknown_connection_names_the_nearest(config: Path) -> None:
    app = opened(config)
    try:
        with pytest.raises(UsageError, match="Did you mean shop"):
            app.sync("shp")
    finally:
        app.close()


def test_another_schema_is_not_touched(config: Path, tmp_path: Path) -> None:
    opened(config).close()
    store = Store(f"sqlite:///{tmp_path / 'crmsync.db'}")
    with store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    store.close()
    with pytest.raises(MigrationNeeded, match="crmsync db upgrade"):
        opened(config)


def test_reload_reads_the_file_again_but_keeps_database_and_plugins(config: Path) -> None:
    app = opened(config)
    try:
        config.write_text(
            config.read_text().replace("every 1s}", "every 9s}").replace("name: thanks", "name: hello")
        )
        assert app.reloaded().config.care[0].name == "hello"
        config.write_text(f"{config.read_text()}database: sqlite:///other.db\n")
        with pytest.raises(ConfigError, match="Restart"):
            app.reloaded()
    finally:
        app.close()


def run(status: str, code: str = "") -> RunResult:
    now = FakeClock().now()
    return RunResult(1, "shop", "orders", status, "", now, now, code=code)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("runs", "failures", "code"),
    [
        ([run("ok")], [], 0),
        ([run("ok"), run("failed", "auth")], [], 4),
        ([run("failed", "auth"), run("failed", "auth")], [], 6),
        ([run("failed", "transient")], [], 7),
        ([run("failed", "transient"), run("failed", "auth")], [], 4),
        ([run("partial", "transient")], [], 4),
        ([run("failed", "bug")], [], 4),
        ([run("ok")], [Failure("rules", "vip", "rule", "")], 4),
        ([run("ok"), run("stopped", "stopped")], [], 130),
    ],
)
def test_exit_codes(runs: list[RunResult], failures: list[Failure], code: int) -> None:
    assert PassResult(runs=runs, failures=failures).exit_code == code


def test_a_template_stands_beside_the_configuration_wherever_crmsync_is_started(
    config: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (config.parent / "mine.j2").write_text("subject: Thanks\n\nThank you, {{ customer_name }}.\n")
    config.write_text(config.read_text().replace("template: vip_thanks", "template: mine.j2"))
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    app = App.open(config)
    plan = app.care().plan
    app.close()
    assert plan is not None
    assert plan.campaigns["thanks"].problem == ""
