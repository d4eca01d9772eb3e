"""What `crmsync plugins new` writes installs, loads, passes its own tests and the linter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from crmsync.cli.command import run
from crmsync.plugins.scaffold import Kind, write_plugin
from crmsync.sdk import UsageError

ROOT = Path(__file__).parents[2]
KINDS: tuple[Kind, ...] = ("connector", "rule", "channel")


def package_files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_bundled_plugins_have_the_same_tree(kind: Kind, tmp_path: Path) -> None:
    write_plugin(kind, "new_one", tmp_path)
    expected = package_files(tmp_path / "crmsync-new-one" / "crmsync_new_one")
    bundled = [folder for folder in (ROOT / "plugins" / f"{kind}s").iterdir() if folder.name[0] != "."]
    assert bundled
    for folder in bundled:
        # A connector that maps in another way still is tried, and still is judged.
        optional = {"mapping.py"} if kind == "connector" else set()
        assert expected - package_files(folder) <= optional, folder.name


def installed(kind: Kind, folder: Path) -> Path:
    """The plugin as pip leaves it on the path, in a folder of its own."""
    write_plugin(kind, "new_one", folder)
    root = folder / "crmsync-new-one"
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    site = folder / "site"
    metadata = site / f"crmsync_new_one-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    entries = [f"{name} = {value}" for name, value in project["entry-points"]["crmsync"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[crmsync]", *entries]))
    (site / "crmsync_new_one").symlink_to(root / "crmsync_new_one", target_is_directory=True)
    return root


def done(root: Path, *command: str) -> str:
    environ = {**os.environ, "PYTHONPATH": str(root.parent / "site"), "PYTEST_ADDOPTS": ""}
    finished = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_loads_and_passes_its_tests_and_the_linter(kind: Kind, tmp_path: Path) -> None:
    root = installed(kind, tmp_path)
    listed = json.loads(done(root, "crmsync", "plugins", "list", "--json"))
    [plugin] = [plugin for plugin in listed["plugins"] if plugin["name"] == "new_one"]
    assert (plugin["status"], plugin["hooks"]) == ("loaded", [f"crmsync_{kind}s"])
    assert " passed" in done(root, "pytest", "-q", "-W", "error")
    assert "__pycache__/" in (root / ".gitignore").read_text("utf-8").splitlines()
    done(root, "ruff", "check", ".")
    done(root, "ruff", "format", "--check", ".")


def test_a_new_connector_is_tried_by_the_command(tmp_path: Path) -> None:
    root = installed("connector", tmp_path)
    told = json.loads(done(root, "crmsync", "plugins", "test", "new_one", "--json"))
    assert told["green"]
    [trial] = told["connectors"]
    assert {outcome["status"] for outcome in trial["checks"]} == {"green"}
    assert (trial["tier"], trial["todo"]) == ("bronze", ["permissions", "limits", "gaps", "real_shop"])
    assert "quality.toml: to do: permissions" in done(root, "crmsync", "plugins", "test", "new_one")


@pytest.mark.parametrize("name", ["", "1st", "My_Shop", "my-shop", "class", "a__b", "../up"])
def test_a_name_that_no_package_can_have_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no name"):
        write_plugin("rule", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_plugin_is_called_what_people_call_it(tmp_path: Path) -> None:
    write_plugin("connector", "bigcommerce", tmp_path, title="BigCommerce")
    connector = tmp_path / "crmsync-bigcommerce" / "crmsync_bigcommerce" / "connector.py"
    assert 'title = "BigCommerce"' in connector.read_text("utf-8")
    command = ["plugins", "new", "rule", "mine", "--title", "Mein & Dein", "--dir", str(tmp_path)]
    assert run(command) == 0
    assert "Mein & Dein" in (tmp_path / "crmsync-mine" / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize(
    "title", ["", " ", 'The "Best"', "It's", "two\nlines", "back\\slash", "@name@", "x" * 61]
)
def test_a_title_that_no_file_can_hold_is_refused(title: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no title"):
        write_plugin("rule", "mine", tmp_path, title=title)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    write_plugin("rule", "mine", tmp_path)
    with pytest.raises(UsageError, match="exists"):
        write_plugin("channel", "mine", tmp_path)


def test_the_command_says_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plugins", "new", "rule", "mine", "--dir", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["folder"] == str(tmp_path / "crmsync-mine")
    assert all(Path(file).is_file() for file in told["files"])
