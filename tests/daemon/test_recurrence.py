"""What is told again, and what is not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest

from crmsync.daemon.recurrence import Recurrence
from crmsync.sdk import RunResult

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def record(action: str, message: str = "it failed", **extra: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "action": action, **extra})


def ended(status: str, stream: str = "orders") -> RunResult:
    return RunResult(1, "shop", stream, status, "", NOW, NOW)  # type: ignore[arg-type]


FAILED = {"connection": "shop", "stream": "orders", "error_code": "transient"}


def test_a_standing_fault_is_told_once() -> None:
    seen = Recurrence()
    assert seen.filter(record("run_failed", "try 1", **FAILED))
    assert not seen.filter(record("run_failed", "try 2", **FAILED))


def test_another_fault_is_told() -> None:
    seen = Recurrence()
    seen.filter(record("run_failed", **FAILED))
    assert seen.filter(record("run_failed", **{**FAILED, "error_code": "auth"}))
    assert seen.filter(record("run_failed", **{**FAILED, "stream": "reviews"}))


def test_recovery_is_told_once_and_the_next_fault_again(caplog: pytest.LogCaptureFixture) -> None:
    seen = Recurrence()
    seen.filter(record("run_failed", **FAILED))
    with caplog.at_level(logging.INFO, "crmsync.daemon"):
        seen.ran(ended("failed"))
        seen.ran(ended("ok", "reviews"))
        assert not caplog.records
        seen.ran(ended("ok"))
        seen.ran(ended("ok"))
    assert [r.action for r in caplog.records] == ["run_recovered"]  # type: ignore[attr-defined]
    assert seen.filter(record("run_failed", **FAILED))


def test_stages_recover_too(caplog: pytest.LogCaptureFixture) -> None:
    seen = Recurrence()
    assert seen.filter(record("stage_failed", stage="sync", part="shop"))
    with caplog.at_level(logging.INFO, "crmsync.daemon"):
        seen.worked("sync", "shop")
        seen.worked("sync", "shop")
    assert [r.action for r in caplog.records] == ["stage_recovered"]  # type: ignore[attr-defined]


def test_a_channel_is_told_again_after_a_pass_without_it() -> None:
    seen = Recurrence()
    paused = record("channel_paused", channel="platform", connection="shop")
    assert seen.filter(paused)
    assert not seen.filter(paused)
    seen.worked("rules")
    assert not seen.filter(paused)
    seen.worked("care")
    assert seen.filter(paused)


def test_tries_are_not_told_while_the_connection_fails() -> None:
    seen = Recurrence()
    assert seen.filter(record("http_retry", connection="shop"))
    seen.filter(record("run_failed", **FAILED))
    assert not seen.filter(record("http_retry", connection="shop"))
    assert seen.filter(record("http_retry", connection="other"))


def test_routine_is_told_when_it_differs() -> None:
    seen = Recurrence()
    assert seen.filter(record("rule_judged", rule="vip", judged=0))
    assert not seen.filter(record("rule_judged", rule="vip", judged=0))
    assert seen.filter(record("rule_judged", rule="churn", judged=0))
    assert seen.filter(record("rule_judged", rule="vip", judged=7))


def test_everything_else_passes() -> None:
    seen = Recurrence()
    assert seen.filter(record("message_attempted"))
    assert seen.filter(record("message_attempted"))
    assert seen.filter(logging.makeLogRecord({"msg": "plain"}))
