from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from channel_context import context, message
from crmsync_webhook.channel import WebhookChannel
from crmsync_webhook.settings import WebhookSettings
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from crmsync.sdk import AuthError, HttpSession, PermanentError, RateLimited, TransientError, Unconfirmed
from crmsync.testing.clock import FakeClock

RAW = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(RAW).decode()


class NoPacer:
    def reserve(self, quota: str, rate: Any, now: Any) -> Any:
        return now

    def hold(self, quota: str, until: Any) -> None:
        pass


@pytest.fixture
def channel(httpserver: HTTPServer) -> Iterator[WebhookChannel]:
    clock = FakeClock()

    def http(**given: Any) -> HttpSession:
        return HttpSession(connection="hook", clock=clock, pacer=NoPacer(), **given)

    settings = WebhookSettings(url=httpserver.url_for("/messages"), secret=SECRET)  # type: ignore[arg-type]
    channel = WebhookChannel(settings, context(clock=clock, http=http))
    yield channel
    channel.close()


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
        base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
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
