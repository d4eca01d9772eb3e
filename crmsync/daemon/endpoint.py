"""A small HTTP server for what the daemon tells of itself."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from crmsync.sdk import ConfigError

log = logging.getLogger("crmsync.daemon")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers with."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @classmethod
    def json(cls, status: int, data: Mapping[str, Any]) -> Answer:
        return cls(status, json.dumps(data, default=str).encode() + b"\n")


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "crmsync"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        route = self.server.routes.get(self.path.partition("?")[0])
        try:
            answer = route() if route else Answer.json(404, {"error": "not found"})
        except Exception:
            log.exception("A page failed.", extra={"action": "page_failed", "path": self.path})
            answer = Answer.json(500, {"error": "a fault in the code; see the log"})
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    routes: Mapping[str, Callable[[], Answer]]


class Endpoint:
    """Serves the routes at an address until it is closed. Raises ConfigError when it cannot listen there."""

    def __init__(self, address: tuple[str, int], routes: Mapping[str, Callable[[], Answer]]) -> None:
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
