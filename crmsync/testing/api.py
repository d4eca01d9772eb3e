"""The shop's own API: who may call it, what it lists and what it takes. `docs/demo-shop.md` tells it."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from crmsync.testing.almanac import ZONE_NAME
from crmsync.testing.ledger import STREAMS, Ledger
from crmsync.testing.mailbox import KeyReused, Mailbox
from crmsync.testing.misbehaviour import error
from crmsync.testing.paging import BadRequest, listing
from crmsync.testing.server import Answer, Request

NAME = "云栖小铺 Cloud Corner"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens the shop: the two of its OAuth client, or its API key."""

    client_id: str = "demo"
    client_secret: str = "demo-secret"
    api_key: str = "demo-key"
    token_seconds: int = 3600


class Api:
    """Answers what a client of the platform may ask. `now` gives the shop's time as text."""

    def __init__(
        self, ledger: Ledger, mailbox: Mailbox, credentials: Credentials, now: Callable[[], str]
    ) -> None:
        self.ledger = ledger
        self.mailbox = mailbox
        self.credentials = credentials
        self.now = now
        self.notes: list[dict[str, Any]] = []
        self._tokens: dict[str, float] = {}

    def revoke_tokens(self) -> None:
        """Every access token given out so far is refused from now on."""
        self._tokens.clear()

    def answer(self, request: Request) -> Answer:
        if request.path == "/oauth/token":
            return self._token(request)
        if not self._authorised(request):
            answer = error(401, "unauthorized", "The access token is missing, unknown or expired.")
            answer.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return answer
        try:
            return self._route(request)
        except BadRequest as bad:
            return error(400, "bad_request", str(bad))

    def _route(self, request: Request) -> Answer:
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["shop"]:
                return _json({"id": "S1", "name": NAME, "currency": "CNY", "timezone": ZONE_NAME})
            case "GET", [stream] if stream in STREAMS:
                return self._list(request, stream)
            case "GET", [stream, id] if stream in STREAMS and id in self.ledger[stream].rows:
                return _json(self.ledger[stream].rows[id])
            case "POST", ["messages"]:
                return self._receive(request)
            case "GET", ["messages"] if self.mailbox.idempotency != "none":
                found = self.mailbox.find(request.query.get("key", ""))
                return _json({"data": [found.row()] if found else []})
            case "POST", ["customers", id, "notes"] if id in self.ledger["customers"].rows:
                return self._note(request, id)
            case _:
                return error(404, "not_found", f"There is no {request.method} {request.path}.")

    def _list(self, request: Request, stream: str) -> Answer:
        page = listing(self.ledger[stream], request.query)
        body: dict[str, Any] = {
            "data": page.rows,
            "total": page.total,
            "next_cursor": page.next_cursor,
            "next": None,
        }
        answer = Answer()
        if page.next_query is not None:
            body["next"] = f"http://{request.headers.get('host')}/{stream}?{urlencode(page.next_query)}"
            answer.headers["Link"] = f'<{body["next"]}>; rel="next"'
        answer.body = _dump(body)
        return answer

    def _receive(self, request: Request) -> Answer:
        sent = _fields(request)
        buyer, text = str(sent.get("buyer_id", "")), str(sent.get("text", ""))
        if buyer not in self.ledger["customers"].rows:
            return error(404, "unknown_buyer", f"There is no buyer {buyer}.")
        if not text:
            return error(422, "empty_text", "A message needs a text.")
        try:
            message, repeated = self.mailbox.receive(
                buyer, text, request.headers.get("idempotency-key"), self.now()
            )
        except KeyReused:
            return error(409, "key_reused", "This key was used for another message.")
        return _json({**message.row(), "repeated": repeated}, 200 if repeated else 201)

    def _note(self, request: Request, buyer: str) -> Answer:
        key = request.headers.get("idempotency-key")
        for note in self.notes:
            if key is not None and note["key"] == key:
                return _json({**note, "repeated": True})
        note = {
            "id": f"N{len(self.notes) + 1:06d}",
            "key": key,
            "buyer_id": buyer,
            "text": str(_fields(request).get("text", "")),
            "at": self.now(),
        }
        self.notes.append(note)
        return _json({**note, "repeated": False}, 201)

    def _token(self, request: Request) -> Answer:
        asked = _fields(request)
        client = (asked.get("client_id"), asked.get("client_secret"))
        if client not in (self._client(), (None, None)) or (client[0] is None and not self._basic(request)):
            return error(401, "invalid_client", "Unknown client, or a wrong secret.")
        if asked.get("grant_type") != "client_credentials":
            return error(400, "unsupported_grant_type", "The only grant type is client_credentials.")
        token = secrets.token_urlsafe(24)
        seconds = self.credentials.token_seconds
        self._tokens[token] = time.monotonic() + seconds
        return _json({"access_token": token, "token_type": "Bearer", "expires_in": seconds})

    def _authorised(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._tokens.get(value, 0.0) > time.monotonic()
        offered = request.headers.get("x-api-key") or request.query.get("api_key")
        return offered == self.credentials.api_key or self._basic(request)

    def _client(self) -> tuple[str, str]:
        return self.credentials.client_id, self.credentials.client_secret

    def _basic(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        expected = base64.b64encode(":".join(self._client()).encode()).decode()
        return scheme.lower() == "basic" and value == expected


def _fields(request: Request) -> dict[str, Any]:
    """The fields of a body, whether it is JSON or a form. Raises BadRequest."""
    try:
        text = request.body.decode()
        if "json" not in request.headers.get("content-type", ""):
            return dict(parse_qsl(text))
        fields = json.loads(text or "{}")
    except ValueError:
        raise BadRequest("the body is neither JSON nor a form") from None
    if not isinstance(fields, dict):
        raise BadRequest("the body is a JSON object")
    return fields


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _json(body: Any, status: int = 200) -> Answer:
    return Answer(status, _dump(body))
