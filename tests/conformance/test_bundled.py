"""The kit on the bundled connectors: by pytest's own suite, and by the command."""

from __future__ import annotations

import json

import pytest
from crmsync_demo.conformance import DemoPlatform
from crmsync_files.conformance import FilesPlatform

from crmsync.cli.command import run
from crmsync.plugins import load_plugins
from crmsync.plugins.trial import try_connector
from crmsync.sdk import PluginError, UsageError
from crmsync.testing.conformance import CHECKS, ConnectorConformance, quality_of

NO_HTTP = {
    "check_refused",
    "check_unreachable",
    "repeated_page",
    "lazy",
    "missing_shop",
    "strange_answer",
    "malformed_alone",
    "extra_fields",
    "retry_after",
    "server_error",
    "token_refused",
    "timeouts",
    "rate_limit",
}
NO_PUSHES = {"push_repeated", "push_refused", "push_lost"}
NO_EVENTS = {"event_believed", "event_forged", "event_streams"}
SKIPPED = {
    "demo": set(),
    "rest": set(),
    "medusa": NO_EVENTS,
    "vendure": NO_EVENTS,
    "woocommerce": set(),
    "files": {*NO_HTTP, *NO_PUSHES, *NO_EVENTS, "cursor_true", "no_secrets", "lines_whole"},
}
"""What says nothing about a connector: anything else that is skipped was lost from sight."""


class TestDemo(ConnectorConformance):
    platform = DemoPlatform


class TestFiles(ConnectorConformance):
    platform = FilesPlatform


def test_the_command_tries_every_bundled_connector(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "test", *SKIPPED, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["green"]
    for trial in told["connectors"]:
        assert trial["tier"] == "gold"
        assert [outcome["check"] for outcome in trial["checks"]] == list(CHECKS)
        skipped = {o["check"] for o in trial["checks"] if o["status"] == "skipped"}
        assert skipped == SKIPPED[trial["connector"]]


def test_the_command_says_why_a_check_was_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "test", "files"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("files: skipped: ")]
    reasons = {
        check: reason
        for line in told
        for checks, _, reason in [line.removeprefix("files: skipped: ").partition(": ")]
        for check in checks.split(", ")
    }
    assert reasons.keys() == SKIPPED["files"]
    assert reasons["retry_after"] == "the connector makes no HTTP calls"


def test_all_means_all_that_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def try_(offered: dict[str, object], name: str) -> object:
        tried.append(name)
        raise PluginError("Enough.")

    monkeypatch.setattr("crmsync.plugins.trial.try_connector", try_)
    assert run(["plugins", "test", "--all"]) == 5
    assert tried == [min(load_plugins().connectors)]


@pytest.mark.parametrize("name", sorted(load_plugins().connectors))
def test_bundled_connectors_reach_the_top_of_the_scale(name: str) -> None:
    quality = quality_of(load_plugins().connectors[name])
    assert quality.problems == ()
    assert quality.tier == "gold"


@pytest.mark.parametrize("arguments", [[], ["nosuch"]])
def test_a_connector_has_to_be_named(arguments: list[str]) -> None:
    assert run(["plugins", "test", *arguments]) == 2


def test_a_connector_without_a_platform_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {"demo": type("Bare", (DemoPlatform.connector,), {"__module__": "bare.connector"})}
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"conformance\.py"):
        try_connector(offered, "demo")
    with pytest.raises(UsageError):
        try_connector(offered, "nosuch")
