"""What systemd is told."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from crmsync.daemon.notify import notify, reloading


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_lines_arrive_together(systemd: socket.socket) -> None:
    notify("READY=1", "STATUS=two shops")
    assert systemd.recv(200) == b"READY=1\nSTATUS=two shops"


def test_a_reload_comes_with_its_time(systemd: socket.socket) -> None:
    reloading()
    first, second = systemd.recv(200).decode().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize("address", ["", "not a path", "/nowhere/at/all"])
def test_nobody_listens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
