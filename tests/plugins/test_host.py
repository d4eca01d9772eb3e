"""Hooks are called one plugin at a time, in the order of the plugins' names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer

from crmsync.plugins import PluginHost
from crmsync.sdk import FlagChange, OutgoingMessage, Recipient, Rejection, RunResult, SentMessage, Veto

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunResult(1, "tmall", "orders", "ok", "", NOW, NOW)
MESSAGE = OutgoingMessage(1, "win-back", "marketing", Recipient("tmall", "7"), "", "Hello", "en")
CHANGE = FlagChange("vip", "customer", "7", "raised", "high", 1.0, NOW)

Load = Callable[..., PluginHost]
DropIn = Callable[[str, str], Path]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What drop-ins append to `crmsync.heard`."""
    import crmsync

    heard: list[object] = []
    monkeypatch.setattr(crmsync, "heard", heard, raising=False)
    return heard


def listener(hook: str, argument: str, body: str) -> str:
    return f"import crmsync\n@hookimpl\ndef {hook}({argument}):\n    {body}\n"


def test_events_reach_every_plugin_in_the_order_of_names(
    drop_in: DropIn, load: Load, heard: list[object]
) -> None:
    for name in ("b", "a", "c"):
        text = f"crmsync.heard.append(('{name}', run))"
        drop_in(f"{name}.py", listener("crmsync_run_finished", "run", text))
    load().run_finished(RUN)
    assert heard == [("a", RUN), ("b", RUN), ("c", RUN)]


def test_each_event_carries_its_value(drop_in: DropIn, load: Load, heard: list[object]) -> None:
    text = "import crmsync\n"
    for hook, argument in (
        ("crmsync_record_rejected", "rejection"),
        ("crmsync_flags_changed", "changes"),
        ("crmsync_message_sent", "message"),
    ):
        text += f"@hookimpl\ndef {hook}({argument}):\n    crmsync.heard.append({argument})\n"
    drop_in("mine.py", text)
    host = load()
    rejection = Rejection("tmall", "orders", "1", "no total")
    sent = SentMessage(1, "win-back", "platform", "tmall", "r", NOW)
    host.record_rejected(rejection)
    host.flags_changed([CHANGE])
    host.message_sent(sent)
    assert heard == [rejection, (CHANGE,), sent]


@pytest.mark.parametrize("fault", ["1 / 0", "raise SystemExit(1)", "yield 1 / 0"])
def test_an_error_stays_with_its_plugin(
    fault: str, drop_in: DropIn, load: Load, heard: list[object], caplog: pytest.LogCaptureFixture
) -> None:
    file = drop_in("a.py", listener("crmsync_run_finished", "run", fault))
    drop_in("b.py", listener("crmsync_run_finished", "run", "crmsync.heard.append(run)"))
    host = load()
    host.run_finished(RUN)
    host.run_finished(RUN)
    assert heard == [RUN, RUN]
    assert host.hook_errors == {("a", "crmsync_run_finished"): 2}
    assert f"at {file}:5" in caplog.text


def test_an_errors_text_is_not_logged(drop_in: DropIn, load: Load, caplog: pytest.LogCaptureFixture) -> None:
    drop_in("a.py", listener("crmsync_run_finished", "run", "raise ValueError('ann@example.org')"))
    load().run_finished(RUN)
    assert "ValueError" in caplog.text
    assert "ann@example.org" not in caplog.text


def test_an_interrupt_goes_through(drop_in: DropIn, load: Load) -> None:
    drop_in("a.py", listener("crmsync_run_finished", "run", "raise KeyboardInterrupt"))
    with pytest.raises(KeyboardInterrupt):
        load().run_finished(RUN)


def test_an_event_cannot_be_changed_for_the_next_plugin() -> None:
    with pytest.raises(FrozenInstanceError):
        RUN.status = "failed"  # type: ignore[misc]


class TestReview:
    def test_nobody_objects(self, drop_in: DropIn, load: Load) -> None:
        drop_in("a.py", listener("crmsync_review_message", "message", "return None"))
        assert load().review_message(MESSAGE) is None

    def test_a_veto_holds_and_all_are_asked(self, drop_in: DropIn, load: Load) -> None:
        for name in "ab":
            text = f"from crmsync.sdk import Veto; return Veto('{name} objects.')"
            drop_in(f"{name}.py", listener("crmsync_review_message", "message", text))
        assert load().review_message(MESSAGE) == Veto("a objects. b objects.")

    @pytest.mark.parametrize("fault", ["1 / 0", "raise SystemExit"])
    def test_an_error_holds(self, fault: str, drop_in: DropIn, load: Load) -> None:
        drop_in("a.py", listener("crmsync_review_message", "message", fault))
        host = load()
        veto = host.review_message(MESSAGE)
        assert veto is not None
        assert veto.reason.startswith("The plugin a failed to review it (")
        assert host.hook_errors["a", "crmsync_review_message"] == 1

    @pytest.mark.parametrize("answer", ["False", "''", "True", "'no'"])
    def test_an_answer_that_is_none_holds(self, answer: str, drop_in: DropIn, load: Load) -> None:
        drop_in("a.py", listener("crmsync_review_message", "message", f"return {answer}"))
        host = load()
        assert host.review_message(MESSAGE) == Veto("The plugin a reviewed it with neither a Veto nor None.")
        assert host.hook_errors["a", "crmsync_review_message"] == 1


def test_commands_of_a_plugin_that_fails_are_left_out(drop_in: DropIn, load: Load) -> None:
    drop_in("a.py", listener("crmsync_cli", "app", "1 / 0"))
    drop_in("b.py", listener("crmsync_cli", "app", "app.command('extra')(lambda: None)"))
    app = typer.Typer()
    host = load()
    host.extend_cli(app)
    assert [command.name for command in app.registered_commands] == ["extra"]
    assert host.hook_errors == {("a", "crmsync_cli"): 1}
