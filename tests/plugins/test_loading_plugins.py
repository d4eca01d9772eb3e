"""What loads, what does not, and that one fault stays with its plugin."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmsync.plugins import PluginHost, PluginInfo, load_plugins
from crmsync.sdk import RunResult

RULE = """
from crmsync.sdk import Rule, Settings

class Odd(Rule):
    name = "odd"
    title = "Odd"
    Settings = Settings
    subject = "customer"
    def judge(self, facts, model):
        return []

@hookimpl
def crmsync_rules():
    return [Odd]
"""
EVENT = "@hookimpl\ndef crmsync_run_finished(run):\n    raise RuntimeError\n"

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = RunResult(1, "tmall", "orders", "ok", "", NOW, NOW)
Load = Callable[..., PluginHost]
DropIn = Callable[[str, str], Path]


def info(host: PluginHost, name: str) -> PluginInfo:
    (found,) = [plugin for plugin in host.plugins if plugin.name == name]
    return found


def test_a_drop_in_file(drop_in: DropIn, load: Load) -> None:
    file = drop_in("mine.py", '__version__ = "3"\n' + RULE)
    host = load()
    assert info(host, "mine") == PluginInfo("mine", "3", str(file), ("crmsync_rules",), "loaded", "")
    assert "odd" in host.rules


def test_a_drop_in_package_with_relative_imports(drop_in: DropIn, load: Load, folder: Path) -> None:
    drop_in("mine/rule.py", RULE)
    drop_in("mine/__init__.py", "from .rule import crmsync_rules\n")
    assert info(load(), "mine").hooks == ("crmsync_rules",)
    assert str(folder) not in sys.path


def test_a_drop_in_shadows_nothing(drop_in: DropIn, load: Load) -> None:
    import json

    drop_in("json.py", RULE)
    assert info(load(), "json").status == "loaded"
    assert sys.modules["json"] is json


def test_what_is_no_plugin_is_passed_over(drop_in: DropIn, load: Load, folder: Path) -> None:
    for name in ("_helper.py", ".hidden.py", "notes.txt", "data/rows.csv"):
        drop_in(name, "raise SystemExit\n")
    before = {plugin.name for plugin in load_plugins().plugins}
    assert {plugin.name for plugin in load().plugins} == before


def test_a_folder_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_plugins([tmp_path / "gone"])
    assert "No such file" in caplog.text


def test_a_folder_named_twice_is_read_once(drop_in: DropIn, folder: Path) -> None:
    drop_in("mine.py", RULE)
    assert info(load_plugins([folder, folder / ".." / folder.name]), "mine").status == "loaded"


def test_an_installed_plugin(install: Callable[..., Path], load: Load) -> None:
    install("outside", RULE)
    found = info(load(), "outside")
    assert (found.version, found.status) == ("1.2", "loaded")
    assert found.origin == "outside 1.2 (outside = outside)"


def test_an_installed_plugin_that_fails_says_where(install: Callable[..., Path], load: Load) -> None:
    file = install("outside", "value = 1\nvalue / 0\n")
    reason = f"{file}:3: ZeroDivisionError while it was imported: division by zero."
    assert info(load(), "outside").reason == reason


def test_an_entry_point_that_leads_nowhere(install: Callable[..., Path], load: Load) -> None:
    install("outside", RULE, entry="outside_gone")
    reason = "ModuleNotFoundError while it was imported: No module named 'outside_gone'."
    assert info(load(), "outside").reason == reason


def test_a_class_instead_of_a_module(install: Callable[..., Path], load: Load) -> None:
    file = install("outside", "class Hooks:\n    pass\n", entry="outside:Hooks")
    reason = f"{file}:2: it names the class Hooks; name the module that holds it."
    assert info(load(), "outside").reason == reason


def test_an_object_instead_of_a_module(install: Callable[..., Path], load: Load) -> None:
    install("outside", "class Hooks:\n    pass\nhooks = Hooks()\n", entry="outside:hooks")
    assert info(load(), "outside").reason == "it names an object of Hooks; name a module."


def test_one_module_under_two_names(install: Callable[..., Path], load: Load, tmp_path: Path) -> None:
    install("outside", RULE)
    points = tmp_path / "site/outside-1.2.dist-info/entry_points.txt"
    points.write_text("[crmsync]\noutside = outside\noutside_again = outside\n")
    host = load()
    assert info(host, "outside").status == "loaded"
    assert info(host, "outside_again").reason.endswith("the same module is already the plugin outside.")
    assert "odd" in host.rules


def test_disabled_is_not_even_imported(drop_in: DropIn, load: Load) -> None:
    drop_in("mine.py", "raise SystemExit\n")
    found = info(load("mine"), "mine")
    assert (found.status, found.reason, found.hooks) == ("disabled", "", ())


def test_made_for_another_interface(drop_in: DropIn, load: Load) -> None:
    file = drop_in("mine.py", "CRMSYNC_API = 2\n" + RULE)
    found = info(load(), "mine")
    reason = f"{file}: it needs plugin interface 2, this crmsync has 1."
    assert (found.status, found.reason) == ("incompatible", reason)


def test_made_for_this_interface(drop_in: DropIn, load: Load) -> None:
    drop_in("mine.py", "CRMSYNC_API = 1\n" + RULE)
    assert info(load(), "mine").status == "loaded"


def test_two_plugins_of_one_name(drop_in: DropIn, load: Load, install: Callable[..., Path]) -> None:
    file = drop_in("outside.py", EVENT)
    install("outside", RULE)
    both = [plugin for plugin in load().plugins if plugin.name == "outside"]
    assert [plugin.status for plugin in both] == ["failed", "failed"]
    for plugin in both:
        assert str(file) in plugin.reason
        assert "outside 1.2 (outside = outside)" in plugin.reason


def test_two_plugins_that_offer_one_rule(drop_in: DropIn, load: Load) -> None:
    first, second = drop_in("a.py", RULE + EVENT), drop_in("b.py", RULE)
    host = load()
    for name in "ab":
        found = info(host, name)
        assert (found.status, found.hooks) == ("failed", ())
        assert "it offers the rule odd, and so does" in found.reason
        assert str(first) in found.reason
        assert str(second) in found.reason
    assert "odd" not in host.rules
    host.run_finished(RUN)
    assert host.hook_errors == {}, "the hooks of a refused plugin are called"


def test_names_that_differ_in_a_sign_do_not_meet(drop_in: DropIn, load: Load) -> None:
    drop_in("my-own.py", RULE)
    drop_in("my_own.py", RULE.replace('"odd"', '"even"'))
    assert {"odd", "even"} <= load().rules.keys()


def test_all_faults_at_once_and_the_rest_goes_on(drop_in: DropIn, load: Load) -> None:
    syntax = drop_in("syntax.py", "x = 1\ndef broken(:\n")
    leaves = drop_in("leaves.py", "import sys\nsys.exit(3)\n")
    misspelt = drop_in("misspelt.py", "@hookimpl\ndef crmsync_conectors():\n    return []\n")
    signature = drop_in("signature.py", "@hookimpl\ndef crmsync_run_finished(run, extra):\n    pass\n")
    drop_in("sound.py", RULE)
    host = load()
    reasons = {plugin.name: plugin.reason for plugin in host.plugins}
    assert reasons["syntax"].startswith(f"{syntax}:3: SyntaxError: ")
    assert reasons["leaves"] == f"{leaves}:3: it called sys.exit(3) while it was imported."
    assert reasons["misspelt"] == (
        f"{misspelt}:3: there is no hook crmsync_conectors. Did you mean crmsync_connectors?"
    )
    assert reasons["signature"] == (
        f"{signature}:3: crmsync_run_finished takes extra, which the hook does not give. "
        "Write `def crmsync_run_finished(run)`."
    )
    assert reasons["sound"] == ""
    assert "odd" in host.rules


def test_a_fault_in_a_module_of_the_package(drop_in: DropIn, load: Load) -> None:
    deep = drop_in("mine/deep.py", "raise RuntimeError('no')\n")
    drop_in("mine/__init__.py", "from . import deep\n")
    assert info(load(), "mine").reason == f"{deep}:2: RuntimeError while it was imported: no."


def test_a_failed_drop_in_leaves_nothing_behind(drop_in: DropIn, load: Load) -> None:
    drop_in("mine/part.py", "x = 1\n")
    drop_in("mine/__init__.py", "from . import part\nraise RuntimeError\n")
    load()
    assert not [name for name in sys.modules if name.startswith("crmsync_dropin_mine")]


def test_an_interrupt_is_not_a_plugins_fault(drop_in: DropIn, load: Load) -> None:
    drop_in("mine.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load()


def test_classes_are_offered_in_a_generator_too(drop_in: DropIn, load: Load) -> None:
    drop_in("mine.py", RULE.replace("return [Odd]", "yield Odd"))
    assert "odd" in load().rules


def test_an_error_while_naming_the_classes(drop_in: DropIn, load: Load) -> None:
    file = drop_in("mine.py", "@hookimpl\ndef crmsync_rules():\n    yield 1 / 0\n" + EVENT)
    host = load()
    reason = f"{file}:4: ZeroDivisionError while it named its classes: division by zero."
    assert info(host, "mine").reason == reason
    host.run_finished(RUN)
    assert host.hook_errors == {}, "the hooks of a failed plugin are called"


def test_a_registration_that_fails_is_rolled_back(
    drop_in: DropIn, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pluggy 1.6 leaves the name registered when it refuses a plugin's hooks."""
    import pluggy

    from crmsync.plugins import loader

    managers = []

    class Manager(pluggy.PluginManager):
        def __init__(self, project: str) -> None:
            managers.append(self)
            super().__init__(project)

    monkeypatch.setattr(loader.pluggy, "PluginManager", Manager)
    monkeypatch.setattr(loader, "checked_hooks", lambda plugin: ("crmsync_run_finished",))
    drop_in("mine.py", "@hookimpl\ndef crmsync_run_finished(run, extra):\n    pass\n" + RULE)
    assert info(load(), "mine").status == "failed"
    (manager,) = managers
    assert not manager.has_plugin("mine")
    assert "mine" not in {i.plugin_name for i in manager.hook.crmsync_run_finished.get_hookimpls()}
    assert "mine" not in {i.plugin_name for i in manager.hook.crmsync_rules.get_hookimpls()}
