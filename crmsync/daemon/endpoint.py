"""A small HTTP server: what the daemon tells of itself, and what platforms tell it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crmsync.sdk import ConfigError

log = logging.getLogger("crmsync.daemon")

MAX_BODY = 1_000_000
"""Bytes of a request's body; a larger one is refused unread."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers with."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @classmethod
    def json(cls, status: int, data: Mapping[str, Any]) -> Answer:
        return cls(status, json.dumps(data, default=str).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Request:
    """What a route is asked: `rest` is what follows the route's own path. Header names are in lower case."""

    path: str
    rest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


Routes = Mapping[tuple[str, str], Callable[[Request], Answer]]
"""By method and path; a path that ends in `/` answers for all that is below it."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "crmsync"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._write(Answer.json(411, {"error": "the length of the body has to be given"}))
        elif int(length) > MAX_BODY:
            self._write(Answer.json(413, {"error": f"a body has at most {MAX_BODY} bytes"}))
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._answer(body)

    def _answer(self, body: bytes) -> None:
        path = self.path.partition("?")[0]
        own, found = self.server.route(self.command, path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = (
                found(Request(path, path.removeprefix(own), headers, body))
                if found
                else Answer.json(404, {"error": "not found"})
            )
        except Exception:
            log.exception("A page failed.", extra={"action": "page_failed", "path": own})
            answer = Answer.json(500, {"error": "a fault in the code; see the log"})
        self._write(answer)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    routes: Routes

    def route(self, method: str, path: str) -> tuple[str, Callable[[Request], Answer] | None]:
        """The path of the route that answers, and the route."""
        for own in (path, path[: path.rfind("/") + 1]):
            if (method, own) in self.routes:
                return own, self.routes[method, own]
        return path, None


class Endpoint:
    """Serves the routes at an address until it is closed. Raises ConfigError when it cannot listen there."""

    def __init__(self, address: tuple[str, int], routes: Routes) -> None:
        try:
            self._server = _Server(address, _Handler)
        except OSError as error:
            host, port = address
            raise ConfigError(
                f"The daemon cannot listen on {host}:{port}: {error.strerror}.",
                fix="Set daemon.listen to a free address.",
            ) from None
        self._server.routes = routes
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
