"""Hooks that pluggy takes without a word, or takes differently from version to version, are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crmsync.plugins import PluginInfo

Loaded = Callable[[str], PluginInfo]
RUN = "Write `def crmsync_run_finished(run)`."
REFUSED = {
    "a default": ("def crmsync_run_finished(run=1): ...", f"crmsync_run_finished gives run a default. {RUN}"),
    "args": ("def crmsync_run_finished(*run): ...", f"crmsync_run_finished takes *args. {RUN}"),
    "kwargs": ("def crmsync_run_finished(**run): ...", f"crmsync_run_finished takes **kwargs. {RUN}"),
    "keyword only": (
        "def crmsync_run_finished(*, run): ...",
        f"crmsync_run_finished takes a keyword-only parameter. {RUN}",
    ),
    "an unknown argument": (
        "def crmsync_run_finished(run, result): ...",
        f"crmsync_run_finished takes result, which the hook does not give. {RUN}",
    ),
    "async": (
        "async def crmsync_run_finished(run): ...",
        "crmsync_run_finished is async; write a plain `def`.",
    ),
    "async generator": (
        "async def crmsync_run_finished(run): yield",
        "crmsync_run_finished is async; write a plain `def`.",
    ),
    "misspelt": (
        "def crmsync_run_finishd(run): ...",
        "there is no hook crmsync_run_finishd. Did you mean crmsync_run_finished?",
    ),
    "without the prefix": ("def rules(): ...", "there is no hook rules. Did you mean crmsync_rules?"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_its_def(case: str, loaded: Loaded) -> None:
    text, reason = REFUSED[case]
    info = loaded(f"# a comment\n\n@hookimpl\n{text}\n")
    assert info.status == "failed"
    assert info.reason == f"{info.origin}:5: {reason}"


@pytest.mark.parametrize("option", ["wrapper", "hookwrapper"])
def test_no_wrappers(option: str, loaded: Loaded) -> None:
    info = loaded(f"@hookimpl({option}=True)\ndef crmsync_run_finished(run):\n    yield\n")
    reason = "crmsync_run_finished is a wrapper; a plugin cannot wrap another's hook."
    assert info.reason == f"{info.origin}:3: {reason}"


def test_no_hook_at_all(loaded: Loaded) -> None:
    info = loaded("x = 1\n")
    assert info.reason == f"{info.origin}: it implements no hook; mark one with crmsync.sdk.hookimpl."


def test_not_marked(loaded: Loaded) -> None:
    info = loaded(
        "@hookimpl\ndef crmsync_rules():\n    return []\n\ndef crmsync_channels():\n    return []\n"
    )
    assert info.reason == f"{info.origin}:6: crmsync_channels is not marked with crmsync.sdk.hookimpl."


def test_not_marked_and_misspelt(loaded: Loaded) -> None:
    info = loaded("def crmsync_chanels():\n    return []\n")
    assert info.reason.endswith("is not marked with crmsync.sdk.hookimpl. Did you mean crmsync_channels?")


def test_marked_for_another_project(loaded: Loaded) -> None:
    info = loaded("import pluggy\n@pluggy.HookimplMarker('crmsink')\ndef crmsync_rules():\n    return []\n")
    assert info.reason == f"{info.origin}:4: crmsync_rules is not marked with crmsync.sdk.hookimpl."


def test_not_a_function(loaded: Loaded) -> None:
    info = loaded("crmsync_rules = [1]\n")
    assert info.reason == f"{info.origin}: crmsync_rules is not a function."


@pytest.mark.parametrize(
    "text",
    [
        "@hookimpl(specname='crmsync_rules')\ndef mine():\n    return []\n",
        "@hookimpl(tryfirst=True)\ndef crmsync_rules():\n    return []\n",
        "@hookimpl\ndef crmsync_flags_changed():\n    pass\n",
        "@hookimpl\ndef crmsync_cli(): ...\n@hookimpl(optionalhook=True)\ndef crmsync_of_tomorrow(): ...\n",
        "crmsync_note = 1\n@hookimpl\ndef crmsync_rules():\n    return []\n",
    ],
    ids=["another name", "an order", "fewer arguments", "a hook of another version", "a constant"],
)
def test_taken(text: str, loaded: Loaded) -> None:
    info = loaded(text)
    assert (info.status, info.reason) == ("loaded", "")
