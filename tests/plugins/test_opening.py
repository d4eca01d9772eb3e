from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crmsync.config import InvalidConfig
from crmsync.plugins import open_config, open_plugins

DropIn = Callable[[str, str], Path]
RULE = """
from crmsync.sdk import Duration, Rule, Settings

class OddSettings(Settings):
    window: Duration = "90d"

class Odd(Rule):
    name = "odd"
    title = "Odd"
    Settings = OddSettings
    subject = "customer"
    def judge(self, facts, model):
        return []

@hookimpl
def crmsync_rules():
    return [Odd]
"""


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "crmsync.yaml"
        file.write_text(text)
        return file

    return write


def test_settings_are_checked_by_a_plugin_the_file_itself_names(
    drop_in: DropIn, config: Callable[[str], Path]
) -> None:
    drop_in("mine.py", RULE)
    opened, host = open_config(config("plugin_dirs: [drop-ins]\nrules:\n  odd: {window: 7d}\n"), {})
    assert opened.rules["odd"].settings.model_dump()["window"].days == 7
    assert "odd" in host.rules
    with pytest.raises(InvalidConfig, match=r":3:9: windw is no key of this rule\. Did you mean window\?"):
        open_config(config("plugin_dirs: [drop-ins]\nrules:\n  odd: {windw: 7d}\n"), {})


def test_plugin_dirs_may_be_references(drop_in: DropIn, config: Callable[[str], Path]) -> None:
    drop_in("mine.py", RULE)
    _, host = open_config(config("plugin_dirs: ['${env:DIR}']\n"), {"DIR": "drop-ins"})
    assert "odd" in host.rules


def test_a_broken_plugin_fails_only_who_uses_it(drop_in: DropIn, config: Callable[[str], Path]) -> None:
    file = drop_in("odd.py", "1 / 0\n")
    opened, _ = open_config(config("plugin_dirs: [drop-ins]\n"), {})
    assert opened.rules == {}
    with pytest.raises(InvalidConfig) as caught:
        open_config(config("plugin_dirs: [drop-ins]\nrules:\n  odd:\n"), {})
    (problem,) = caught.value.problems
    assert problem.message == "the plugin odd could not be loaded."
    assert problem.fix.startswith(f"{file}:2: ZeroDivisionError")


def test_a_disabled_plugin_says_how_to_enable_it(drop_in: DropIn, config: Callable[[str], Path]) -> None:
    drop_in("odd.py", RULE)
    text = "plugin_dirs: [drop-ins]\ndisabled_plugins: [odd]\nrules:\n  odd:\n"
    with pytest.raises(InvalidConfig, match=r"odd is disabled\. Take it out of disabled_plugins\."):
        open_config(config(text), {})


@pytest.mark.parametrize(
    "rest",
    ["langage: en\n", "connections: 3\n", "database: ${env:UNSET}\n", "rules: {odd: {windw: 1}}\n"],
)
def test_plugins_are_known_whatever_else_is_wrong(
    rest: str, drop_in: DropIn, config: Callable[[str], Path]
) -> None:
    drop_in("odd.py", RULE)
    host = open_plugins(config("plugin_dirs: [drop-ins]\n" + rest), {})
    assert "odd" in host.rules


@pytest.mark.parametrize("text", ["'", "- a\n", "plugin_dirs: 3\n", "plugin_dirs: [3, null]\n"])
def test_plugins_are_known_without_a_readable_file(text: str, config: Callable[[str], Path]) -> None:
    installed = {info.name for info in open_plugins(config(text), {}).plugins}
    assert {"demo", "files", "rest"} <= installed


def test_plugins_are_known_without_any_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert {"demo", "files", "rest"} <= {info.name for info in open_plugins(None, {}).plugins}
