"""The walls of the house hold, and a breach in any of them is noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A scratch copy of the code."""
    ignore = shutil.ignore_patterns("__pycache__")
    for folder in ("crmsync", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    kinds = [folder / "plugins" / kind for kind in ("connectors", "rules", "channels")]
    path = os.pathsep.join(map(str, [folder, *kinds]))
    environment = {**os.environ, "PYTHONPATH": path}
    command = [str(LINT), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_walls_hold(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "breach", "contract"),
    [
        ("crmsync/sdk/money.py", "import crmsync.store", "A room imports only rooms above it"),
        ("crmsync/sync/cursor.py", "import crmsync.care", "A room imports only rooms above it"),
        (
            "plugins/connectors/crmsync_demo/mapping.py",
            "import crmsync.store",
            "Plugins import the sdk and nothing else of ours",
        ),
        ("crmsync/daemon/app.py", "import crmsync_demo", "Core names no plugin"),
        ("crmsync/cli/status.py", "import sqlalchemy", "The faces hold no SQL"),
    ],
)
def test_a_breach_is_noticed(copy: Path, file: str, breach: str, contract: str) -> None:
    path = copy / file
    first, _, rest = path.read_text().partition("from __future__ import annotations\n")
    path.write_text(f"{first}from __future__ import annotations\n{breach}\n{rest}")
    done = lint(copy)
    assert done.returncode != 0
    assert f"{contract} BROKEN" in done.stdout
