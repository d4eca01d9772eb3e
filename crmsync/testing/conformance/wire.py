"""The wire between a connector and its platform: sees every call, and can spoil it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from io import BytesIO
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from crmsync.testing.clock import FakeClock
from crmsync.testing.conformance.check import Unmet
from crmsync.testing.server import Answer, Request

MOST_CALLS = 2000

Next = Callable[[], requests.Response]
Fault = Callable[[requests.PreparedRequest, Next], requests.Response]
"""Stands between a call and its answer: may call on, change what comes back, or answer itself."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as it went out, at what time of the connector's clock, and what its answer listed."""

    at: datetime
    method: str
    path: str
    timeout: Any
    listed: bool


@dataclass(slots=True)
class Wire:
    """Everything that goes through requests while it is `tapped`, whoever sends it."""

    answer: Callable[[Request], Answer | None]
    clock: FakeClock
    calls: list[Call] = field(default_factory=list)
    fault: Fault | None = None
    used: set[HTTPAdapter] = field(default_factory=set)
    closed: set[HTTPAdapter] = field(default_factory=set)

    @contextmanager
    def tapped(self) -> Iterator[None]:
        """Every call of this thread goes through this wire while the block lasts."""
        send, close, own = HTTPAdapter.send, HTTPAdapter.close, threading.get_ident()

        def tapped_send(adapter: HTTPAdapter, request: Any, **options: Any) -> requests.Response:
            if threading.get_ident() != own:
                return send(adapter, request, **options)
            self.used.add(adapter)
            return self._send(request, options, lambda: self._pass_on(send, adapter, request, options))

        def tapped_close(adapter: HTTPAdapter) -> None:
            self.closed.add(adapter)
            close(adapter)

        with (
            mock.patch.object(HTTPAdapter, "send", tapped_send),
            mock.patch.object(HTTPAdapter, "close", tapped_close),
        ):
            yield

    @contextmanager
    def spoilt(self, fault: Fault) -> Iterator[None]:
        """Every call meets the fault while the block lasts."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None

    @property
    def lists(self) -> set[str]:
        """The paths that answered with a list of records so far."""
        return {call.path for call in self.calls if call.listed}

    def _send(self, request: Any, options: dict[str, Any], answer: Next) -> requests.Response:
        if len(self.calls) >= MOST_CALLS:
            raise Unmet(f"the connector had made {MOST_CALLS} calls and was still asking")
        at, path = self.clock.now(), str(urlsplit(request.url).path)
        listed = False
        try:
            response = self.fault(request, answer) if self.fault else answer()
            listed = response.status_code == 200 and bool(records_in(body_of(response)))
            return response
        finally:
            self.calls.append(Call(at, request.method, path, options.get("timeout"), listed))

    def _pass_on(
        self, send: Any, adapter: HTTPAdapter, request: requests.PreparedRequest, options: dict[str, Any]
    ) -> requests.Response:
        url = urlsplit(request.url or "")
        body = request.body or b""
        seen = Request(
            method=request.method or "GET",
            path=str(url.path),
            query=dict(parse_qsl(str(url.query), keep_blank_values=True)),
            headers={str(name).lower(): _text(value) for name, value in request.headers.items()},
            body=body.encode() if isinstance(body, str) else bytes(body),
        )
        answer = self.answer(seen)
        if answer is not None:
            return made(request, answer.status, answer.body, answer.headers)
        response: requests.Response = send(adapter, request, **options)
        return made(request, response.status_code, response.content, dict(response.headers), response)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def made(
    request: requests.PreparedRequest,
    status: int,
    body: bytes,
    headers: dict[str, str] | None = None,
    original: requests.Response | None = None,
) -> requests.Response:
    """A response as an adapter gives it, its body not read yet."""
    if original is not None:
        original.close()
    plain = {
        name: value
        for name, value in (headers or {}).items()
        if name.lower() not in ("content-length", "content-encoding", "transfer-encoding")
    }
    raw = urllib3.HTTPResponse(
        BytesIO(body), {"Content-Type": "application/json", **plain}, status, preload_content=False
    )
    response: requests.Response = _BUILDER.build_response(request, raw)
    # Who looks at the body before the connector does must not use it up.
    response.__dict__["crmsync_body"] = body
    return response


_BUILDER = HTTPAdapter()


def body_of(response: requests.Response) -> Any:
    """The JSON of a response that is still on its way; None when it is none."""
    try:
        return json.loads(response.__dict__["crmsync_body"])
    except (KeyError, ValueError):
        return None


def rewritten(request: requests.PreparedRequest, response: requests.Response, body: Any) -> requests.Response:
    """The response with another body."""
    return made(
        request, response.status_code, json.dumps(body, ensure_ascii=False).encode(), dict(response.headers)
    )


def refusal(
    request: requests.PreparedRequest, status: int, now: datetime, **headers: str
) -> requests.Response:
    """An answer with a status alone."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    date = format_datetime(now.astimezone(UTC), usegmt=True)
    return made(request, status, b'{"message": "refused by the conformance kit"}', {"Date": date, **named})


def unreachable(request: requests.PreparedRequest) -> Exception:
    """What requests raises when nobody answers."""
    pool: Any = urllib3.HTTPConnectionPool("127.0.0.1")
    refused = urllib3.exceptions.NewConnectionError(pool, "Connection refused")
    return requests.exceptions.ConnectionError(refused, request=request)


def silent(request: requests.PreparedRequest) -> Exception:
    """What requests raises when the answer never comes."""
    return requests.exceptions.ReadTimeout("no answer", request=request)


def records_in(body: Any) -> list[dict[str, Any]]:
    """The longest list of objects nearest to the root of a JSON body."""
    level = [body]
    while level:
        lists = [node for node in level if isinstance(node, list) and node and isinstance(node[0], dict)]
        if lists:
            return max(lists, key=len)
        level = [child for node in level if isinstance(node, dict) for child in node.values()]
    return []
