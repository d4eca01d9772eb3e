"""What holds for every command: exit codes, JSON, where words go, how fast it begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import crmsync as package

REPORTS = [
    ("status",),
    ("flags",),
    ("rules", "list"),
    ("rules", "preview"),
    ("rules", "explain", "shop/C000001"),
    ("segments", "list"),
    ("segments", "preview", "regulars"),
    ("messages", "list"),
    ("quarantine", "list"),
    ("customers", "show", "1"),
    ("plugins", "list"),
    ("config", "show"),
    ("check",),
    ("doctor",),
    ("sync",),
    ("run", "--once"),
    ("rules", "run"),
    ("db", "upgrade"),
]


def shell(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crmsync", *arguments], capture_output=True, text=True, cwd=cwd
    )


@pytest.mark.parametrize("command", REPORTS, ids=" ".join)
def test_every_report_is_one_object_or_words(crmsync, command: tuple[str, ...]) -> None:
    as_json = crmsync(*command, "--json")
    assert as_json.code == 0, as_json.err
    assert len(as_json.data) > 1
    in_words = crmsync(*command)
    assert in_words.code == 0
    assert in_words.out.strip()
    assert "Traceback" not in in_words.err


def test_version_costs_nothing(tmp_path: Path) -> None:
    program = "import sys, crmsync.cli as c; c.main(['--version']); print(*sys.modules, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    version, *modules = done.stdout.splitlines()
    assert version == f"crmsync {package.__version__}"
    assert not {"numpy", "scipy", "sqlmodel", "sqlalchemy", "pydantic", "typer"} & set(modules)


def test_help_loads_no_database_and_no_numpy() -> None:
    program = (
        "import sys, crmsync.cli.command as c; c.run(['sync', '--help']); print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not {"numpy", "scipy", "sqlmodel", "sqlalchemy"} & set(done.stdout.splitlines())


def test_exit_codes_of_a_process(folder: Path) -> None:
    assert shell("status", cwd=folder).returncode == 0
    assert shell("nonsense", cwd=folder).returncode == 2
    missing = shell("status", "-c", "nowhere.yaml", cwd=folder)
    assert missing.returncode == 5
    assert missing.stdout == ""
    assert "nowhere.yaml" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_wrong_arguments_as_json(crmsync) -> None:
    ran = crmsync("sync", "--fulll", "--json")
    assert ran.code == 2
    assert ran.data["error"]["code"] == "usage"
    assert "--help" in ran.data["error"]["fix"]


def test_every_problem_of_a_configuration_as_json_and_in_words(crmsync, folder: Path) -> None:
    broken = (folder / "crmsync.yaml").read_text().replace("vip:", "vpi:").replace("approve:", "aprove:")
    (folder / "broken.yaml").write_text(broken)
    ran = crmsync("check", "-c", "broken.yaml", "--json")
    assert ran.code == 5
    problems = ran.data["error"]["problems"]
    assert len(problems) >= 2
    assert all(problem["line"] > 1 and problem["message"] and problem["fix"] for problem in problems)
    in_words = crmsync("check", "-c", "broken.yaml")
    assert f"broken.yaml:{problems[0]['line']}:" in in_words.err
    assert in_words.out == ""


def test_the_configuration_can_be_named_before_the_command(
    crmsync, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRMSYNC_CONFIG", "nowhere.yaml")
    (folder / "crmsync.yaml").rename(folder / "other.yaml")
    assert crmsync("status").code == 5
    assert crmsync("-c", "other.yaml", "status").code == 0


def test_a_variable_overrides_the_database(crmsync, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMSYNC_DATABASE", f"sqlite:///{folder}/other.db")
    assert crmsync("status", "--json").data["status"]["connections"][0]["streams"] == []


def test_a_bug_tells_whom_to_tell(crmsync, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("password=hunter2secret")

    monkeypatch.setattr("crmsync.daemon.status.read_status", broken)
    ran = crmsync("status", "--json")
    assert ran.code == 1
    assert ran.data["error"]["code"] == "bug"
    assert "hunter2secret" not in ran.out + ran.err


def test_a_plugin_adds_a_command(crmsync, folder: Path) -> None:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "greeter.py").write_text(
        "from crmsync.sdk import hookimpl\n\n"
        "@hookimpl\n"
        "def crmsync_cli(app):\n"
        "    @app.command('greet')\n"
        "    def greet(name: str):\n"
        "        print('hello', name)\n"
    )
    text = (folder / "crmsync.yaml").read_text()
    (folder / "other.yaml").write_text(f"{text}plugin_dirs: [plugins]\n")
    assert crmsync("greet", "you").code == 2
    ran = crmsync("-c", "other.yaml", "greet", "you")
    assert (ran.code, ran.out) == (0, "hello you\n")
    assert "greet" in crmsync("-c", "other.yaml", "--help").out


def test_reasons_in_the_language_asked_for(crmsync) -> None:
    english = crmsync("flags", "--json").data["flags"][0]["reasons"][0]["told"]
    assert isinstance(english, str)
    assert english == crmsync("flags", "--json", "--language", "en").data["flags"][0]["reasons"][0]["told"]
    assert json.loads(crmsync("flags", "--json", "--language", "zh").out)
