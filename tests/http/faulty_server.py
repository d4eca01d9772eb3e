"""A server that speaks whatever bytes it is told to, and breaks off as it is told to."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

Behaviour = Callable[[socket.socket], None]


class RawServer:
    """Answers the n-th connection with the n-th behaviour, and all further ones with the last."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = []
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def url(self, path: str = "/orders") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def play(self, *behaviours: Behaviour) -> None:
        self.behaviours = list(behaviours)

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Each in a thread of its own: one that hangs must not keep the next try waiting.
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            request = _request(connection)
            with self._lock:
                self.requests.append(request)
                behaviour = self.behaviours[min(len(self.requests), len(self.behaviours)) - 1]
            behaviour(connection)

    def close(self) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
        received += chunk
    return received


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str, length: int | None = None) -> bytes:
    """The bytes of an answer after which the connection closes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def sends(payload: bytes) -> Behaviour:
    return lambda connection: connection.sendall(payload)


def resets(before: bytes = b"") -> Behaviour:
    """Sends something, then breaks the connection with a TCP reset."""

    def behave(connection: socket.socket) -> None:
        if before:
            connection.sendall(before)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def hangs(seconds: float, before: bytes = b"") -> Behaviour:
    def behave(connection: socket.socket) -> None:
        if before:
            connection.sendall(before)
        threading.Event().wait(seconds)

    return behave


def drips(seconds: float) -> Behaviour:
    """One byte every 20 ms."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(answer(body=b"", length=10_000))
        for _ in range(int(seconds / 0.02)):
            connection.sendall(b" ")
            threading.Event().wait(0.02)

    return behave


def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
