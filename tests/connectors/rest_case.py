"""Opens `rest` connectors on an API that stands in a test."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from crmsync_rest.connector import RestConnector
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crmsync.sdk import (
    Context,
    Cursor,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    Page,
    Patience,
    Record,
    checked,
)

ORDER_FIELDS = {"status": {"constant": "paid"}, "total": "total", "placed_at": "at"}
START = datetime(2026, 3, 1, tzinfo=UTC)


class StandingClock:
    """Stands at one time and moves only when slept on."""

    def __init__(self) -> None:
        self.time = datetime(2026, 6, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float, stop: threading.Event | None = None) -> None:
        self.time += timedelta(seconds=seconds)


def order(number: int, minute: int | None = None, **fields: Any) -> dict[str, Any]:
    """An order as the API gives it, changed so many minutes after the start."""
    at = (START + timedelta(minutes=number if minute is None else minute)).isoformat()
    return {"id": number, "total": "1.00", "at": at, "changed": at, **fields}


def answer(body: Any, **headers: str) -> Response:
    return Response(json.dumps(body), content_type="application/json", headers=headers)


class Api:
    """An HTTP server whose answers a test gives, with all that was asked."""

    def __init__(self, server: HTTPServer) -> None:
        self.server = server
        self.asked: list[Request] = []
        self.clock = StandingClock()

    def answers(self, path: str, handler: Callable[[Request], Response], **options: Any) -> None:
        def handle(request: Request) -> Response:
            request.get_data()
            self.asked.append(request)
            return handler(request)

        self.server.expect_request(path, **options).respond_with_handler(handle)

    def says(self, path: str, body: Any, **headers: str) -> None:
        self.answers(path, lambda request: answer(body, **headers))

    @property
    def queries(self) -> list[dict[str, str]]:
        return [request.args.to_dict() for request in self.asked]

    def open(self, **settings: Any) -> RestConnector:
        url = self.server.url_for("/").rstrip("/")
        checked = RestConnector.Settings.model_validate({"base_url": url, "currency": "EUR", **settings})
        http = partial(
            HttpSession,
            connection="shop",
            clock=self.clock,
            pacer=MemoryPacer(),
            patience=Patience(tries=2),
        )
        log = logging.getLogger("test")
        return RestConnector(checked, Context("shop", self.clock, log, http, MemoryTokenStore()))

    def orders(self, *, fields: dict[str, Any] | None = None, **options: Any) -> RestConnector:
        """A connector with orders alone; options that no endpoint has are the connection's."""
        own = {"records", "paging", "incremental", "sorted", "identity", "separator", "lines", "params"}
        endpoint = {key: options.pop(key) for key in own & options.keys()}
        endpoint = {"path": "/orders", "fields": {**ORDER_FIELDS, **(fields or {})}, **endpoint}
        return self.open(endpoints={"orders": endpoint}, **options)


def pull(connector: Any, stream: str = "orders", since: Cursor | None = None) -> list[Page]:
    return list(getattr(connector, stream)(since or Cursor()))


def records(connector: Any, stream: str = "orders", since: Cursor | None = None) -> list[Record]:
    bound = getattr(connector, stream)
    payloads = [payload for page in pull(connector, stream, since) for payload in page.payloads]
    return [checked(bound.record(payload))[0] for payload in payloads]


def ids(connector: Any, since: Cursor | None = None) -> list[int]:
    return [payload["id"] for page in pull(connector, "orders", since) for payload in page.payloads]
