"""What the guides list and type is what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from crmsync.cli.command import app
from crmsync.daemon import metrics
from crmsync.sdk import CrmsyncError, errors

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").glob("*.md")])
GUIDE = (ROOT / "docs" / "ops.md").read_text("utf-8")
TYPED = re.compile(r"(?:^ {4}|`)crmsync ([a-z]+)(?: ([a-z]+(?:-[a-z]+)*))?", re.MULTILINE)


def test_it_lists_every_metric() -> None:
    listed = set(re.findall(r"^\| `(crmsync_\w+)`", GUIDE, re.MULTILINE))
    assert listed == set(re.findall(r'"(crmsync_\w+)"', inspect.getsource(metrics)))


def test_it_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", GUIDE, re.MULTILINE)}
    classes = [member for member in vars(errors).values() if inspect.isclass(member)]
    assert listed == {0, 3, 4, *(cls.exit_code for cls in classes if issubclass(cls, CrmsyncError))}


def unknown(text: str) -> list[str]:
    """The commands typed in a text that do not exist."""
    known = {command.name for command in app.registered_commands}
    groups = {group.name for group in app.registered_groups}
    for group in app.registered_groups:
        known |= {f"{group.name} {command.name}" for command in group.typer_instance.registered_commands}
    typed = [f"{one} {two}" if one in groups and two else one for one, two in TYPED.findall(text)]
    return [command for command in typed if command not in known | groups]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    assert unknown(page.read_text("utf-8")) == []


def test_a_command_that_does_not_exist_is_found() -> None:
    text = "Try `crmsync status`, `crmsync quarantine`, `crmsync statsu` or\n\n    crmsync messages send 3\n"
    assert unknown(text) == ["statsu", "messages send"]
