"""A real HTTP server on loopback that answers with whole answers, or spoils them on purpose."""

from __future__ import annotations

import logging
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

log = logging.getLogger("crmsync.testing")


@dataclass(slots=True)
class Request:
    """One request as the application sees it. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """One answer, and how it goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    """Seconds of silence before the first byte."""
    cut: int | None = None
    """Send only so many bytes of the body, then close; the announced length stays."""
    drip: float = 0.0
    """Seconds between pieces of the body; 0 sends it at once."""
    padding: int = 0
    """Blanks after the body, which a JSON reader would skip; they count as its length."""
    reset: bool = False
    """Send nothing: reset the connection."""


_BLANKS = b" " * 65536

Application = Callable[[Request], Answer]


class Server:
    """Serves an application on a port of 127.0.0.1 (0 takes a free one) from threads of its own."""

    def __init__(self, application: Application, port: int = 0) -> None:
        self._http = _Http(("127.0.0.1", port), application)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting, and close every connection, also those that are waiting."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.close_all()


class _Http(ThreadingHTTPServer):
    daemon_workers = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], application: Application) -> None:
        super().__init__(address, _Handler)
        self.application = application
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._workers: list[threading.Thread] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        self._workers = [thread for thread in self._workers if thread.is_alive()]
        thread = threading.Thread(
            target=self.process_request_thread, args=(request, client_address), daemon=True
        )
        self._workers.append(thread)
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        self.stopping.set()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._workers:
            thread.join(5)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away in the middle is what the tests do all day.
        if not isinstance(sys.exception(), ConnectionError):
            log.error("request failed", exc_info=True, extra={"action": "request_failed"})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length) if length else b"",
        )
        self._deliver(self.server.application(request))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

    def _deliver(self, answer: Answer) -> None:
        if answer.wait:
            self.server.stopping.wait(answer.wait)
        if answer.reset:
            # Linger 0 makes closing send a reset instead of an orderly end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
            self.close_connection = True
            return
        headers = {
            "Date": self.date_time_string(),
            "Content-Type": "application/json; charset=utf-8",
            **answer.headers,
            "Content-Length": str(len(answer.body) + answer.padding),
        }
        head = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        body = b"" if self.command == "HEAD" else answer.body
        if answer.cut is not None:
            self.close_connection = True
            body = body[: answer.cut]
        if answer.drip:
            self._drip(head.encode("latin-1"), body, answer.drip)
        else:
            # One send: head and body in two would wait for the client's delayed acknowledgement.
            self.wfile.write(head.encode("latin-1") + body)
            for start in range(0, answer.padding, len(_BLANKS)):
                self.wfile.write(_BLANKS[: answer.padding - start])

    def _drip(self, head: bytes, body: bytes, pause: float) -> None:
        self.wfile.write(head)
        for start in range(0, len(body), 16):
            if self.server.stopping.wait(pause):
                self.close_connection = True
                return
            self.wfile.write(body[start : start + 16])

    def log_message(self, format: str, *args: Any) -> None:
        pass
