"""How requests are signed, what a body under 200 can mean, and how messages go out."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
from rest_case import Api, answer, order, pull
from werkzeug import Request, Response

from crmsync.sdk import (
    AuthError,
    CrmsyncError,
    OutgoingMessage,
    PermanentError,
    RateLimited,
    Receipt,
    Recipient,
    TransientError,
    Unconfirmed,
)

BASIC = "Basic " + base64.b64encode(b"u:p").decode()


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "basic", "user": "u", "password": "p"}, "Authorization", BASIC),
        ({"kind": "bearer", "token": "t"}, "Authorization", "Bearer t"),
        ({"kind": "header", "name": "X-Key", "value": "k"}, "X-Key", "k"),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_a_request_is_signed_in_a_header(api: Api, auth: dict[str, str], header: str, value: str) -> None:
    api.says("/orders", [])
    pull(api.orders(auth=auth))
    assert api.asked[0].headers[header] == value


def test_a_request_is_signed_in_the_query(api: Api) -> None:
    api.says("/orders", [])
    pull(api.orders(auth={"kind": "query", "name": "api_key", "value": "k"}, params={"a": 1}))
    assert api.queries == [{"a": "1", "api_key": "k"}]


def test_a_request_is_signed_with_a_token_that_is_renewed(api: Api) -> None:
    tokens = iter(("first", "second"))
    api.answers("/token", lambda r: answer({"access_token": next(tokens), "expires_in": 3600}))

    def orders(request: Request) -> Response:
        return answer([]) if request.headers["Authorization"] == "Bearer second" else Response(status=401)

    api.answers("/orders", orders)
    auth = {
        "kind": "oauth2",
        "token_url": "/token",
        "client_id": "c",
        "client_secret": "s",
        "send_in": "body",
    }
    pull(api.orders(auth={**auth, "scope": "read", "extra": {"audience": "shop"}}))
    form = api.asked[0].form.to_dict()
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "c",
        "client_secret": "s",
        "scope": "read",
        "audience": "shop",
    }
    assert [request.path for request in api.asked] == ["/token", "/orders", "/token", "/orders"]


def test_no_secret_shows_in_the_settings(api: Api) -> None:
    for auth in (
        {"kind": "basic", "user": "u", "password": "hush"},
        {"kind": "bearer", "token": "hush"},
        {"kind": "header", "name": "n", "value": "hush"},
        {"kind": "query", "name": "n", "value": "hush"},
        {"kind": "oauth2", "token_url": "/t", "client_id": "c", "client_secret": "hush"},
    ):
        assert "hush" not in repr(api.open(auth=auth).settings)


def test_headers_of_every_request(api: Api) -> None:
    api.says("/orders", [])
    pull(api.orders(headers={"X-Version": "2"}))
    assert api.asked[0].headers["X-Version"] == "2"


def test_the_rate_limit_is_the_session_s(api: Api) -> None:
    assert str(api.open(rate_limit="40/m").rate_limits()["default"]) == "40/m"
    assert not api.open().rate_limits()


@pytest.mark.parametrize(
    ("kind", "error"),
    [("permanent", PermanentError), ("auth", AuthError), ("transient", TransientError)],
)
def test_a_body_under_200_can_mean_an_error(api: Api, kind: str, error: type[CrmsyncError]) -> None:
    api.says("/orders", {"code": 7, "why": "closed for today", "data": []})
    errors = [
        {"when": "code == `9`", "kind": "rate"},
        {"when": "code != `0`", "kind": kind, "message": "why"},
    ]
    with pytest.raises(error, match="closed for today"):
        pull(api.orders(records="data", errors=errors))


def test_a_body_under_200_can_ask_for_a_pause(api: Api) -> None:
    bodies = iter([{"limit": {"seconds": 40}}, {"data": [order(1)]}])
    api.answers("/orders", lambda r: answer(next(bodies)))
    errors = [{"when": "limit", "kind": "rate", "wait": "limit.seconds"}]
    began = api.clock.now()
    assert len(pull(api.orders(records="data", errors=errors))[0].payloads) == 1
    assert timedelta(seconds=40) <= api.clock.now() - began < timedelta(seconds=60)


def test_a_pause_without_end_is_no_success(api: Api) -> None:
    api.says("/orders", {"limit": True})
    with pytest.raises((RateLimited, TransientError)):
        pull(api.orders(records="data", errors=[{"when": "limit", "kind": "rate"}]))


def test_a_body_that_says_no_error_passes(api: Api) -> None:
    api.says("/orders", {"code": 0, "errors": [], "data": []})
    pull(api.orders(records="data", errors=[{"when": "code"}, {"when": "errors"}]))


def test_a_body_that_is_no_json_is_asked_for_again(api: Api) -> None:
    bodies = iter([Response("<html>"), answer([order(1)])])
    api.answers("/orders", lambda r: next(bodies))
    assert len(pull(api.orders())[0].payloads) == 1


def test_check_asks_the_api_for_the_shop(api: Api) -> None:
    api.says("/shop", {"shop": {"title": "Corner", "money": "CNY", "tz": "Asia/Shanghai"}, "id": 5})
    shop = {"path": "shop", "name": "shop.title", "currency": "shop.money", "zone": "shop.tz", "id": "id"}
    said = api.open(shop=shop).check()
    assert (said.name, said.currency, said.zone, said.id) == ("Corner", "CNY", "Asia/Shanghai", "5")


def test_check_without_a_shop_reads_a_page_and_uses_what_is_configured(api: Api) -> None:
    api.says("/orders", [])
    said = api.orders(title="Corner", times={"zone": "Asia/Shanghai"}).check()
    assert (said.name, said.currency, said.zone) == ("Corner", "EUR", "Asia/Shanghai")
    assert len(api.asked) == 1


def message(**fields: Any) -> OutgoingMessage:
    values: dict[str, Any] = {
        "id": 1,
        "campaign": "care",
        "purpose": "service",
        "recipient": Recipient("shop", "a/1"),
        "subject": "Hello",
        "body": 'A "quoted" {key} text',
        "language": "en",
    }
    return OutgoingMessage(**{**values, **fields})


MESSAGES = {
    "path": "/buyers/{account_id}/inbox",
    "body": {"to": ["{account_id}"], "text": "{text}", "about": "{order_id}", "n": 1, "ref": "k-{key}"},
}


def test_a_message_fills_in_the_body_and_nothing_is_evaluated(api: Api) -> None:
    api.says("/buyers/a/1/inbox", {"id": 5})
    receipt = api.open(messages={**MESSAGES, "receipt": "id"}).send_message(message(), "K")
    assert receipt == Receipt("5")
    assert api.asked[0].get_json() == {
        "to": ["a/1"],
        "text": 'A "quoted" {key} text',
        "about": None,
        "n": 1,
        "ref": "k-K",
    }
    assert api.asked[0].environ["REQUEST_URI"].endswith("/buyers/a%2F1/inbox")


def test_a_message_as_a_form(api: Api) -> None:
    api.says("/m", {})
    settings = {"path": "/m", "body": {"text": "{text}"}, "send_as": "form"}
    assert api.open(messages=settings).send_message(message(body="hi"), "K") == Receipt("K")
    assert api.asked[0].form.to_dict() == {"text": "hi"}


def test_a_key_makes_a_message_safe_to_repeat(api: Api) -> None:
    answers = iter([Response(status=500), answer({"id": "M1", "again": True})])
    api.answers("/m", lambda r: next(answers))
    settings = {
        "path": "/m",
        "body": {"text": "{text}"},
        "key_header": "Idempotency-Key",
        "idempotency": "key",
        "receipt": "id",
        "repeated": "again",
    }
    connector = api.open(messages=settings)
    assert connector.send_message(message(), "K") == Receipt("M1", repeated=True)
    assert [request.headers["Idempotency-Key"] for request in api.asked] == ["K", "K"]
    assert connector.accepts() == {"send_message": "key"}


def test_without_a_key_a_doubtful_message_is_not_repeated(api: Api) -> None:
    api.answers("/m", lambda r: Response(status=500))
    connector = api.open(messages={"path": "/m", "body": {"text": "{text}"}})
    with pytest.raises(Unconfirmed):
        connector.send_message(message(), "K")
    assert len(api.asked) == 1
    assert connector.accepts() == {"send_message": "none"}


@pytest.mark.parametrize("body", [{"ok": True}, "text", None])
def test_an_answer_without_its_receipt_is_doubtful(api: Api, body: Any) -> None:
    api.says("/m", body)
    with pytest.raises(Unconfirmed, match="gave no receipt at 'id'"):
        api.open(messages={"path": "/m", "body": {}, "receipt": "id"}).send_message(message(), "K")


def test_a_message_can_be_looked_up(api: Api) -> None:
    api.answers("/m", lambda r: answer({"data": [{"id": "M1"}] if r.args["key"] == "K" else []}))
    lookup = {"path": "/m", "params": {"key": "{key}"}, "receipt": "data[0].id"}
    settings = {"path": "/m", "body": {}, "idempotency": "lookup", "lookup": lookup}
    connector = api.open(messages=settings)
    assert connector.lookup_message(message(), "K") == Receipt("M1")
    assert connector.lookup_message(message(), "other") is None


def test_an_api_without_messages_takes_none(api: Api) -> None:
    connector = api.orders()
    assert connector.accepts() == {}
    with pytest.raises(PermanentError, match="no way to send messages"):
        connector.send_message(message(), "K")
