"""README's two commands: the same in both languages, and the ones CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("run-command", "test-command")
RUN = "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/crmsync demo"


def command(text: str, name: str) -> str:
    """The command that stands behind `<!-- name -->`."""
    found = re.findall(rf"^<!-- {name} -->\n+```sh\n(.+?)\n```$", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{name} stands there {len(found)} times"
    return str(found[0])


def test_a_command_without_its_mark_is_found() -> None:
    with pytest.raises(AssertionError, match="0 times"):
        command("```sh\nls\n```\n", "test-command")


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_name_the_same_command(name: str) -> None:
    english, chinese = ((ROOT / f).read_text("utf-8") for f in ("README.md", "README.zh-CN.md"))
    assert command(english, name) == command(chinese, name)


@pytest.mark.parametrize("name", NAMES)
def test_a_command_works_alone_in_a_fresh_clone(name: str) -> None:
    steps = command((ROOT / "README.md").read_text("utf-8"), name).split(" && ")
    assert steps[0] == "python3 -m venv .venv"
    assert steps[1].startswith(".venv/bin/pip install -q ")
    assert all(step.startswith(".venv/bin/") for step in steps[1:])


def test_the_run_command_is_the_demo() -> None:
    assert command((ROOT / "README.md").read_text("utf-8"), "run-command") == RUN


def test_ci_takes_the_test_command_from_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "test-command" in script
    assert "README.md" in script


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 120
