"""Telling systemd how the daemon is, by sd_notify(3); nothing happens under anything else."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def notify(*lines: str) -> None:
    """Send these assignments: `notify("READY=1", "STATUS=…")`."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel,
    ):
        channel.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))


def reloading() -> None:
    """A reload begins. systemd from version 253 wants the time with it, or waits until it gives up."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")
