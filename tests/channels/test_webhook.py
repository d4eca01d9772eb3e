from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from channel_context import http_context, message, notice
from crmsync_webhook.channel import WebhookChannel
from crmsync_webhook.settings import WebhookSettings
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crmsync.sdk import AuthError, PermanentError, RateLimited, TransientError, Unconfirmed

RAW = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(RAW).decode()


@pytest.fixture
def channel(httpserver: HTTPServer) -> Iterator[WebhookChannel]:
    channel = opened(httpserver)
    yield channel
    channel.close()


def opened(httpserver: HTTPServer, **settings: Any) -> WebhookChannel:
    given = {"url": httpserver.url_for("/messages"), "secret": SECRET}
    return WebhookChannel(WebhookSettings(**given | settings), http_context())


class Receiver:
    """Verifies as the specification of Standard Webhooks asks a receiver to: any signature of `v1` by
    its secret will do, within five minutes of its clock."""

    def __init__(self, secret: bytes, channel: WebhookChannel) -> None:
        self.secret = secret
        self.now = channel.clock.now().timestamp()
        self.seen: set[str] = set()
        self.tamper: Callable[[bytes], bytes] = bytes

    def __call__(self, request: Request) -> Response:
        body = self.tamper(request.get_data())
        id, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        mac = hmac.new(self.secret, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        signatures = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
        good = any(
            version == "v1" and hmac.compare_digest(base64.b64decode(signature), mac)
            for version, signature in signatures
        )
        if not good or abs(self.now - int(timestamp)) > 300:
            return Response(status=401)
        self.seen.add(id)
        return Response(status=204)


def test_a_receiver_verifies_each_request(channel: WebhookChannel, httpserver: HTTPServer) -> None:
    receiver = Receiver(RAW, channel)
    httpserver.expect_request("/messages", method="POST").respond_with_handler(receiver)
    channel.send(message(), "key-1")
    channel.notify(notice(), "alert-1")
    assert receiver.seen == {"key-1", "alert-1"}
    receiver.tamper = lambda body: body.replace(b"win-back", b"win-more")
    with pytest.raises(AuthError):
        channel.send(message(), "key-2")
    receiver.tamper, receiver.now = bytes, receiver.now + 301
    with pytest.raises(AuthError):
        channel.send(message(), "key-3")
    assert receiver.seen == {"key-1", "alert-1"}


def test_both_secrets_sign_while_one_replaces_the_other(httpserver: HTTPServer) -> None:
    new = bytes(range(32, 64))
    changing = opened(httpserver, secret="whsec_" + base64.b64encode(new).decode(), previous_secret=SECRET)
    for secret in (new, RAW):
        httpserver.clear_all_handlers()  # type: ignore[no-untyped-call]
        receiver = Receiver(secret, changing)
        httpserver.expect_request("/messages").respond_with_handler(receiver)
        changing.send(message(), "key-1")
        assert receiver.seen == {"key-1"}
    httpserver.clear_all_handlers()  # type: ignore[no-untyped-call]
    httpserver.expect_request("/messages").respond_with_handler(Receiver(bytes(32), changing))
    with pytest.raises(AuthError):
        changing.send(message(), "key-1")
    changing.close()


def test_a_notice_to_the_team_names_its_alert(channel: WebhookChannel, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/messages").respond_with_data("", status=204)
    channel.notify(notice(), "alert-1")
    (request, _) = httpserver.log[0]
    assert request.get_json()["type"] == "alert"
    assert request.get_json()["data"]["state"] == "raised"


def test_a_message_is_posted_and_signed(channel: WebhookChannel, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/messages", method="POST").respond_with_data("", status=204)
    assert channel.send(message(), "key-1").reference == "key-1"
    (request, _) = httpserver.log[0]
    body, timestamp = request.get_data(), request.headers["webhook-timestamp"]
    expected = hmac.new(RAW, f"key-1.{timestamp}.".encode() + body, hashlib.sha256).digest()
    assert request.headers["webhook-id"] == "key-1"
    assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
    assert int(timestamp) == int(channel.clock.now().timestamp())
    data = request.get_json()["data"]
    assert data["recipient"] == {"connection": "shop", "account_id": "c1"}
    assert (data["subject"], data["body"]) == (message().subject, message().body)


def test_the_signature_of_a_known_message_is_the_standards_own() -> None:
    from datetime import UTC, datetime

    from crmsync_webhook.channel import signed

    # The example of the Standard Webhooks specification.
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
        [base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentError),
        (401, AuthError),
        (500, Unconfirmed),
    ],
)
def test_each_answer_says_what_to_do_next(
    channel: WebhookChannel, httpserver: HTTPServer, status: int, error: type[Exception]
) -> None:
    httpserver.expect_request("/messages").respond_with_data("", status=status)
    with pytest.raises(error):
        channel.send(message(), "key-1")


def test_a_receiver_that_is_busy_is_tried_again_later(
    channel: WebhookChannel, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/messages").respond_with_data("", status=429, headers={"Retry-After": "86400"})
    with pytest.raises(RateLimited):
        channel.send(message(), "key-1")


def test_a_receiver_that_is_not_there_has_seen_nothing(channel: WebhookChannel) -> None:
    settings = WebhookSettings(url="http://127.0.0.1:1/x", secret=SECRET)  # type: ignore[arg-type]
    away = WebhookChannel(settings, channel.context)
    with pytest.raises(TransientError):
        away.send(message(), "key-1")
    away.close()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"url": "http://care.example.com"}, "https"),
        ({"url": "https://user:pw@care.example.com"}, "no user"),
        ({"url": "ftp://127.0.0.1"}, "https"),
        ({"secret": "whsec_c2hvcnQ="}, "shorter"),
        ({"secret": "whsec_not base64!"}, "base64"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        WebhookSettings(**{"url": "https://care.example.com", "secret": SECRET} | settings)
