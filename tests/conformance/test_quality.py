"""Each rule that is looked at by a machine finds what it is for, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from crmsync.testing.conformance import QUALITY_RULES, quality_of
from crmsync.testing.conformance.quality import Quality

CONNECTOR = "connector.py"
BREAKS: dict[str, tuple[str, str, str]] = {
    "sdk_only": (CONNECTOR, "from crmsync_good_one import mapping", "from crmsync.config import Config"),
    "host_session": (CONNECTOR, "return self.http.get_json(", "return requests.get("),
    "host_waits": (CONNECTOR, "return walk_cursors(", "time.sleep(1)\n        return walk_cursors("),
    "host_clock": (CONNECTOR, "return walk_cursors(", "datetime.now()\n        return walk_cursors("),
    "streams_told": ("README.md", "Streams: customers, orders, reviews.", ""),
    "pushes_told": ("README.md", "Pushes: `send_message`.", ""),
    "example": ("README.md", "connector: good_one", "connector: another"),
    "secrets_referred": ("README.md", "api_key: ${env:GOOD_ONE_KEY}", "api_key: k3y-0f-a-sh0p"),
    "settings_explained": ("README.md", "`page_size`", "the size"),
    "permissions": ("README.md", "## Permissions\n", "## Access\n"),
    "limits": ("README.md", "## Limits\n", "## How often\n"),
    "gaps": ("README.md", "## Known gaps\n", "## Else\n"),
    "typed": (CONNECTOR, "def check(self) -> Shop:", "def check(self):"),
    "documented": ("settings.py", '"""What a connection to Good One is configured with."""', ""),
    "quiet": (CONNECTOR, "return walk_cursors(", "print(since)\n        return walk_cursors("),
    "light_import": ("__init__.py", "from typing import Any", "from crmsync_good_one import connector"),
    "small_modules": ("mapping.py", "Row = dict[str, Any]", "\n" * 300),
}


@pytest.fixture
def new_package(good: ModuleType, tmp_path: Path) -> Path:
    """A copy of the good connector's package, as it was written."""
    assert good.__file__ is not None
    for file in Path(good.__file__).parent.glob("*.*"):
        (tmp_path / file.name).write_text(file.read_text("utf-8"), "utf-8")
    return tmp_path


@pytest.fixture
def package(new_package: Path) -> Path:
    """The same, with all done that was to do."""
    change(new_package / "README.md", "<!-- ", "")
    change(new_package / "README.md", " -->", "")
    change(new_package / "quality.toml", '"todo"\n', '"done"\n')
    return new_package


def judged(good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch) -> Quality:
    connector = good.GoodOnePlatform.connector
    monkeypatch.setattr(sys.modules[connector.__module__], "__file__", str(package / CONNECTOR))
    return quality_of(connector)


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_a_package_with_all_done_is_at_the_top(
    good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = judged(good, package, monkeypatch)
    assert (quality.tier, quality.todo, quality.problems) == ("gold", (), ())


def test_a_new_package_has_something_to_do(
    good: ModuleType, new_package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quality = judged(good, new_package, monkeypatch)
    assert (quality.tier, quality.problems) == ("bronze", ())
    assert quality.todo == ("permissions", "limits", "gaps", "real_shop")


@pytest.mark.parametrize("rule", ["permissions", "limits", "gaps"])
def test_what_a_new_package_says_is_to_be_written_is_not_taken_for_written(
    good: ModuleType, new_package: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    change(new_package / "quality.toml", f'{rule} = "todo"', f'{rule} = "done"')
    [problem] = judged(good, new_package, monkeypatch).problems
    assert problem.startswith(f"{rule}: the README has no section headed")


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_finds_what_it_is_for(
    good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    file, old, new = BREAKS[rule]
    change(package / file, old, new)
    quality = judged(good, package, monkeypatch)
    assert [problem.partition(":")[0] for problem in quality.problems] == [rule]
    below = {"bronze": None, "silver": "bronze", "gold": "silver"}
    assert quality.tier == below[QUALITY_RULES[rule].tier]


def test_a_kit_that_is_missing_is_found(
    good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "conformance.py").unlink()
    assert judged(good, package, monkeypatch).problems == ("kit_passes: there is no conformance.py",)


def test_every_rule_that_can_be_looked_at_is_tried() -> None:
    looked_at = {id for id, rule in QUALITY_RULES.items() if rule.look is not None}
    assert looked_at == {*BREAKS, "kit_passes"}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("", "real_shop: quality.toml does not mention it"),
        ("real_shop = {exempt = ''}", "real_shop: an exemption needs its reason, in words"),
        ("real_shop = 'soon'", 'real_shop: it is neither "done" nor "todo" nor {exempt = "why"}'),
    ],
)
def test_what_is_said_of_a_rule_is_an_answer(
    good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch, said: str, problem: str
) -> None:
    file = package / "quality.toml"
    kept = [line for line in file.read_text("utf-8").splitlines() if not line.startswith("real_shop")]
    file.write_text("\n".join([*kept, said]), "utf-8")
    assert judged(good, package, monkeypatch).problems == (problem,)


def test_a_rule_that_does_not_exist_is_told(
    good: ModuleType, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(package / "quality.toml", "quiet =", "silent = 'done'\nquiet =")
    assert judged(good, package, monkeypatch).problems == ("silent: there is no such rule",)
