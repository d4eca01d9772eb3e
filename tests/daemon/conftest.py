"""A shop on loopback, and a daemon that is a process of its own."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmsync.testing import Shop

PATIENCE = 60.0

CONFIG = """\
connections:
  - id: shop
    connector: demo
    base_url: {url}
    client_secret: ${{file:secret}}
    schedule: every 1s
daemon: {{listen: "127.0.0.1:{port}", rules_schedule: every 1s, care_schedule: every 1s}}
rules:
  vip: {{minimum_customers: 5}}
care:
  - {{name: thanks, when: vip, template: vip_thanks, approve: never, quiet_hours: null}}
"""


def small_shop(**options: Any) -> Shop:
    return Shop(**{"seed": 3, "customers": 40, "history_days": 90, **options})


@pytest.fixture
def shop() -> Iterator[Shop]:
    with small_shop() as shop:
        yield shop


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def config(tmp_path: Path, shop: Shop, free_port: int) -> Path:
    """A configuration for the shop, with a daemon that does everything every second."""
    (tmp_path / "secret").write_text(shop.credentials.client_secret)
    path = tmp_path / "crmsync.yaml"
    path.write_text(CONFIG.format(url=shop.url, port=free_port))
    return path


@dataclass
class DaemonProcess:
    """A running `crmsync run`."""

    process: subprocess.Popen[str]
    log: Path
    port: int

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait for something to come about."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if found := holds():
                    return found
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.05)
        raise AssertionError(f"it never happened; the log says:\n{self.log.read_text()}")

    def until_event(self, event: str) -> dict[str, Any]:
        return self.until(lambda: next((e for e in self.events() if e["event"] == event), None))

    def events(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


Start = Callable[..., DaemonProcess]


@pytest.fixture
def start_daemon(config: Path, free_port: int, tmp_path: Path) -> Iterator[Start]:
    """Starts `crmsync run` on the configuration; whatever still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(
        *arguments: str, program: tuple[str, ...] = ("-m", "crmsync"), ready: bool = True
    ) -> DaemonProcess:
        log = tmp_path / f"daemon-{len(started)}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, *program, "run", "-c", str(config), *arguments],
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                cwd=tmp_path,
            )
        started.append(process)
        daemon = DaemonProcess(process, log, free_port)
        if ready:
            daemon.until(lambda: daemon.get("/readyz")[0] == 200)
        return daemon

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
