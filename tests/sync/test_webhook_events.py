"""What platforms send: believed once, when it is theirs and of now."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from crmsync.sdk import ConfigError, Webhook, WebhookRequest, standard_webhook
from crmsync.store import Store
from crmsync.sync.webhook import REMEMBERED, TOLERANCE, Verdict, receive
from crmsync.testing.event import altered_event, standard_event

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECRET = "a secret of the platform"
OFFERED = ("orders", "reviews")


def streams(request: WebhookRequest) -> list[str]:
    return ["orders", "products"] if b"orders.changed" in request.body else []


STANDARD = standard_webhook([SecretStr(SECRET)], streams)
PLAIN = Webhook(secrets=[SecretStr(SECRET)], header="X-Signature", streams=streams)


def plain(body: bytes, secret: str = SECRET, encoding: str = "base64") -> WebhookRequest:
    mac = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    told = base64.b64encode(mac).decode() if encoding == "base64" else mac.hex()
    return WebhookRequest({"x-signature": told}, body)


def judged(
    store: Store,
    request: WebhookRequest,
    webhook: Webhook = STANDARD,
    now: datetime = NOW,
    name: str = "shop",
) -> Verdict:
    return receive(store, name, webhook, OFFERED, request, now)


def test_a_true_event_names_the_streams_that_are_offered_once(store: Store) -> None:
    event = standard_event("orders.changed", SECRET, NOW)
    assert judged(store, event) == Verdict("accepted", frozenset({"orders"}))
    assert judged(store, event) == Verdict("repeated")
    assert judged(store, event, name="another") == Verdict("accepted", frozenset({"orders"}))
    assert judged(store, standard_event("stock.changed", SECRET, NOW)) == Verdict("accepted")


def test_what_is_not_signed_does_not_make_a_repeat_new(store: Store) -> None:
    event = plain(b"orders.changed")
    assert judged(store, event, PLAIN).outcome == "accepted"
    again = replace(event, headers={**event.headers, "x-delivery": "2"})
    assert judged(store, again, PLAIN).outcome == "repeated"


def test_an_event_is_forgotten_after_a_week(store: Store) -> None:
    event = plain(b"orders.changed")
    assert judged(store, event, PLAIN).outcome == "accepted"
    assert judged(store, event, PLAIN, NOW + REMEMBERED).outcome == "repeated"
    later = NOW + REMEMBERED + timedelta(seconds=1)
    assert judged(store, plain(b"another"), PLAIN, later).outcome == "accepted"
    assert judged(store, event, PLAIN, later).outcome == "accepted"


@pytest.mark.parametrize("away", [timedelta(), TOLERANCE, -TOLERANCE])
def test_an_event_of_now_may_be_a_little_early_or_late(store: Store, away: timedelta) -> None:
    event = standard_event("orders.changed", SECRET, NOW)
    second = timedelta(seconds=1) if away > timedelta() else -timedelta(seconds=1)
    assert judged(store, event, now=NOW + away).outcome == "accepted"
    if away:
        assert judged(store, event, now=NOW + away + second).outcome == "stale"


def test_two_secrets_live_while_one_is_replaced(store: Store) -> None:
    both = standard_webhook([SecretStr("new"), SecretStr("old")], streams)
    for secret in ("old", "new"):
        assert judged(store, standard_event("orders.changed", secret, NOW), both).outcome == "accepted"
    assert judged(store, standard_event("orders.changed", "older", NOW), both).outcome == "forged"


def test_one_of_several_signatures_is_enough(store: Store) -> None:
    event = standard_event("orders.changed", SECRET, NOW)
    other = standard_event("orders.changed", "another", NOW).headers["webhook-signature"]
    told = f"v1a,{other} {other} {event.headers['webhook-signature']}"
    several = replace(event, headers={**event.headers, "webhook-signature": told})
    assert judged(store, several).outcome == "accepted"


def test_the_standard_writes_secrets_in_base64(store: Store) -> None:
    key = b"\x00\xff binary"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    body = b'{"type": "orders.changed"}'
    stamp = str(int(NOW.timestamp()))
    mac = hmac.new(key, b"msg_1." + stamp.encode() + b"." + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(mac).decode()}"
    headers = {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}
    event = WebhookRequest(headers, body)
    assert judged(store, event, standard_webhook([SecretStr(secret)], streams)).outcome == "accepted"
    with pytest.raises(ConfigError, match="whsec_"):
        standard_webhook([SecretStr("whsec_no base64!")], streams).genuine(event)


@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_encodings_and_prefixes(store: Store, encoding: str) -> None:
    webhook = replace(PLAIN, encoding=encoding, prefix="sha256=")
    told = plain(encoding.encode(), encoding=encoding).headers["x-signature"]
    signed = WebhookRequest({"x-signature": f"sha256={told}"}, encoding.encode())
    assert judged(store, replace(signed, headers={"x-signature": told}), webhook).outcome == "forged"
    assert judged(store, signed, webhook).outcome == "accepted"


def test_a_platform_may_try_the_address_unsigned(store: Store) -> None:
    webhook = replace(PLAIN, is_ping=lambda request: request.body == b"webhook_id=7")
    assert judged(store, WebhookRequest({}, b"webhook_id=7"), webhook) == Verdict("ping")
    assert judged(store, WebhookRequest({}, b"webhook_id=7&x"), webhook) == Verdict("forged")


@pytest.mark.parametrize("secrets", [[], [SecretStr("")], [SecretStr("a"), SecretStr("")]])
def test_no_webhook_without_a_secret(secrets: list[SecretStr]) -> None:
    with pytest.raises(ConfigError, match="believe anybody"):
        Webhook(secrets=secrets, header="x", streams=streams)


def test_no_altered_event_is_believed(store: Store) -> None:
    dice = random.Random(5)
    for number in range(3_000):
        event = standard_event("orders.changed", SECRET, NOW, number=number)
        altered = altered_event(event, dice)
        assert altered != event
        assert judged(store, altered).outcome == "forged"
        if number % 500 == 0:
            assert judged(store, event).outcome == "accepted"
