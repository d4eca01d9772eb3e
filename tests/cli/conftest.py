"""A shop, and a folder in which everything has happened once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmsync.cli.command import run
from crmsync.daemon.app import App
from crmsync.testing import Shop

CONFIG = """\
connections:
  - {{id: shop, connector: demo, base_url: "{url}", client_secret: "${{file:secret}}"}}
daemon: {{listen: "127.0.0.1:9"}}
rules:
  vip: {{minimum_customers: 5}}
segments:
  regulars: orders > 1 and not flag(vip)
care:
  - {{name: thanks, when: vip, template: vip_thanks, approve: first, quiet_hours: null}}
"""


@dataclass
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object it wrote."""
        found: dict[str, Any] = json.loads(self.out)
        assert found["version"] == 1
        return found


@pytest.fixture(scope="session")
def cli_shop() -> Iterator[Shop]:
    with Shop(seed=3, customers=40, history_days=90) as shop:
        yield shop


@pytest.fixture(scope="session")
def after_a_pass(cli_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("after")
    (folder / "secret").write_text(cli_shop.credentials.client_secret)
    (folder / "crmsync.yaml").write_text(CONFIG.format(url=cli_shop.url))
    cli_shop.misbehave("malformed_record", path="/reviews")
    app = App.open(folder / "crmsync.yaml", database=f"sqlite:///{folder}/crmsync.db")
    assert app.full_pass().exit_code == 0
    app.close()
    return folder


@pytest.fixture
def folder(after_a_pass: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a configuration and its database after a first pass."""
    shutil.copytree(after_a_pass, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    # Set first, so that what a command with -c leaves there is taken back, too.
    monkeypatch.setenv("CRMSYNC_CONFIG", "")
    monkeypatch.delenv("CRMSYNC_CONFIG")
    monkeypatch.delenv("CRMSYNC_DATABASE", raising=False)
    return tmp_path


@pytest.fixture
def crmsync(folder: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs one command line in this process."""

    def ran(*arguments: str) -> Ran:
        capfd.readouterr()
        code = run(arguments)
        return Ran(code, *capfd.readouterr())

    return ran
