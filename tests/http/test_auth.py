"""Signing, and tokens that end."""

from __future__ import annotations

import base64
import threading
from datetime import timedelta
from typing import Any

import pytest
import requests
from faulty_server import RawServer, answer, sends
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from session_opener import Http
from werkzeug import Request, Response

from crmsync.sdk import (
    AuthError,
    BasicAuth,
    BearerToken,
    HeaderKey,
    MemoryTokenStore,
    OAuth2ClientCredentials,
    PermanentError,
    QueryKey,
    Token,
    TokenAuth,
    TransientError,
)


class TokenShop:
    """A platform that gives out tokens and serves orders to the newest one."""

    def __init__(self, server: HTTPServer) -> None:
        self.given = 0
        self.lifetime: Any = 3600
        self.forms: list[dict[str, str]] = []
        self.authorizations: list[str | None] = []
        self.token_url = server.url_for("/token")
        self.orders_url = server.url_for("/orders")
        server.expect_request("/token", method="POST").respond_with_handler(self.give)
        server.expect_request("/orders").respond_with_handler(self.orders)

    def give(self, request: Request) -> Response:
        self.given += 1
        self.forms.append(request.form.to_dict())
        self.authorizations.append(request.headers.get("Authorization"))
        return _json(f'{{"access_token": "t{self.given}", "expires_in": {self.lifetime}}}')

    def orders(self, request: Request) -> Response:
        current = request.headers.get("Authorization") == f"Bearer t{self.given}"
        return _json('{"id": 1}') if current else Response(status=401)


def _json(body: str) -> Response:
    return Response(body, content_type="application/json")


@pytest.fixture
def shop(httpserver: HTTPServer) -> TokenShop:
    return TokenShop(httpserver)


def oauth(shop: TokenShop, http: Http, tokens: MemoryTokenStore, **options: Any) -> OAuth2ClientCredentials:
    return OAuth2ClientCredentials(
        shop.token_url, "me", SecretStr("hush"), tokens, clock=http.clock, **options
    )


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        (BasicAuth("me", "hüsh"), "Basic " + base64.b64encode("me:hüsh".encode()).decode()),
        (BasicAuth("me", SecretStr("hush")), "Basic bWU6aHVzaA=="),
        (BearerToken("hush"), "Bearer hush"),
        (BearerToken(SecretStr("hush")), "Bearer hush"),
        (HeaderKey("Authorization", SecretStr("hush")), "hush"),
    ],
)
def test_a_header_signs(auth: requests.auth.AuthBase, expected: str, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer()))
    http.open(auth=auth).get_json(raw.url())
    assert f"\r\nAuthorization: {expected}\r\n".encode() in raw.requests[0]


def test_a_key_in_the_query_joins_the_others(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer()))
    http.open(auth=QueryKey("key", "h&sh")).get_json(raw.url("/o?a=1"), params={"b": "2"})
    assert raw.requests[0].startswith(b"GET /o?a=1&b=2&key=h%26sh HTTP")


def test_no_auth_object_shows_its_secret() -> None:
    for auth in (BearerToken(SecretStr("hush")), HeaderKey("X", "hush"), QueryKey("k", "hush")):
        assert "hush" not in repr(auth)
    assert "hush" not in repr(Token("hush", refresh_token="hush"))


def test_the_first_call_fetches_a_token_and_the_next_uses_it(shop: TokenShop, http: Http) -> None:
    tokens = MemoryTokenStore()
    session = http.open(auth=oauth(shop, http, tokens, scope="orders:read"))
    for _ in range(3):
        assert session.get_json(shop.orders_url) == {"id": 1}
    assert shop.forms == [{"grant_type": "client_credentials", "scope": "orders:read"}]
    assert shop.authorizations == ["Basic bWU6aHVzaA=="]
    assert tokens.get("access") == Token("t1", http.clock.now() + timedelta(seconds=3540))


def test_the_secret_goes_into_the_form_when_asked_to(shop: TokenShop, http: Http) -> None:
    auth = oauth(shop, http, MemoryTokenStore(), send_in="body", extra={"audience": "shop"})
    http.open(auth=auth).get_json(shop.orders_url)
    expected = {
        "grant_type": "client_credentials", "audience": "shop", "client_id": "me", "client_secret": "hush",
    }  # fmt: skip
    assert (shop.forms, shop.authorizations) == ([expected], [None])


def test_a_token_is_renewed_before_its_end(shop: TokenShop, http: Http) -> None:
    session = http.open(auth=oauth(shop, http, MemoryTokenStore()))
    session.get_json(shop.orders_url)
    http.clock.time += timedelta(seconds=3539)
    session.get_json(shop.orders_url)
    assert shop.given == 1
    http.clock.time += timedelta(seconds=1)
    session.get_json(shop.orders_url)
    assert shop.given == 2


def test_a_short_lived_token_is_used_more_than_once(shop: TokenShop, http: Http) -> None:
    shop.lifetime = 30
    session = http.open(auth=oauth(shop, http, MemoryTokenStore()))
    session.get_json(shop.orders_url)
    http.clock.time += timedelta(seconds=20)
    session.get_json(shop.orders_url)
    assert shop.given == 1


@pytest.mark.parametrize("lifetime", ['"3600"', "null", '"soon"', "[]", "-1", "1e400"])
def test_odd_lifetimes_do_not_break_it(lifetime: str, shop: TokenShop, http: Http) -> None:
    shop.lifetime = lifetime
    assert http.open(auth=oauth(shop, http, MemoryTokenStore())).get_json(shop.orders_url) == {"id": 1}


def test_a_token_refused_before_its_end_is_renewed_once(shop: TokenShop, http: Http) -> None:
    tokens = MemoryTokenStore(access=Token("revoked", http.clock.now() + timedelta(days=1)))
    assert http.open(auth=oauth(shop, http, tokens)).get_json(shop.orders_url) == {"id": 1}
    assert (shop.given, http.clock.slept) == (1, [])


def test_a_post_is_sent_again_with_the_renewed_token(shop: TokenShop, http: Http) -> None:
    tokens = MemoryTokenStore(access=Token("revoked"))
    answered = http.open(auth=oauth(shop, http, tokens)).request("POST", shop.orders_url, json={})
    assert answered.json() == {"id": 1}


def test_a_token_that_is_refused_again_ends_it(httpserver: HTTPServer, http: Http) -> None:
    shop = TokenShop(httpserver)
    httpserver.expect_request("/closed").respond_with_data("", status=401)
    with pytest.raises(AuthError, match="401"):
        http.open(auth=oauth(shop, http, MemoryTokenStore())).get_json(httpserver.url_for("/closed"))
    assert shop.given == 2


def test_a_token_lacking_a_right_is_not_renewed(httpserver: HTTPServer, http: Http) -> None:
    shop = TokenShop(httpserver)
    httpserver.expect_request("/closed").respond_with_data("", status=403)
    with pytest.raises(AuthError, match="403"):
        http.open(auth=oauth(shop, http, MemoryTokenStore())).get_json(httpserver.url_for("/closed"))
    assert shop.given == 1


def test_an_expired_token_told_in_the_body_is_renewed(shop: TokenShop, http: Http) -> None:
    seen: list[int] = []

    def inspect(response: requests.Response) -> None:
        seen.append(1)
        if len(seen) == 1:
            raise AuthError("token expired")

    assert http.open(auth=oauth(shop, http, MemoryTokenStore()), inspect=inspect).get_json(shop.orders_url)
    assert shop.given == 2


def test_a_token_renewed_by_another_process_is_taken_over(shop: TokenShop, http: Http) -> None:
    tokens = MemoryTokenStore()
    here, there = (http.open(auth=oauth(shop, http, tokens)) for _ in range(2))
    here.get_json(shop.orders_url)
    there.get_json(shop.orders_url)
    shop.given = 2
    tokens.refresh("access", tokens.get("access"), lambda current: Token("t2"))
    assert here.get_json(shop.orders_url) == {"id": 1}
    assert len(shop.forms) == 1


def test_threads_that_find_a_token_expired_renew_it_once(shop: TokenShop, http: Http) -> None:
    tokens = MemoryTokenStore(access=Token("revoked"))
    session = http.open(auth=oauth(shop, http, tokens))
    threads = [threading.Thread(target=session.get_json, args=(shop.orders_url,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.given == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [("400 Bad Request", b'{"error": "invalid_client", "hint": "hush"}'), ("401 Unauthorized", b""),
     ("200 OK", b'{"errcode": 40013}'), ("200 OK", b"[]"), ("200 OK", b'{"access_token": null}')],
)  # fmt: skip
def test_a_token_endpoint_that_refuses_ends_it(status: str, body: bytes, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(status, body)))
    auth = OAuth2ClientCredentials(raw.url("/token"), "me", "hush", MemoryTokenStore(), clock=http.clock)
    with pytest.raises(AuthError, match="token") as failure:
        http.open(auth=auth).get_json(raw.url())
    assert "hush" not in str(failure.value)
    assert len(raw.requests) == 1


@pytest.mark.parametrize("status", ["500 Oops", "429 Slow Down", "200 OK"])
def test_a_token_endpoint_that_stumbles_is_asked_again(status: str, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(status, b"<html>")), sends(answer(body=b'{"access_token": "t1"}')), sends(answer()))
    auth = OAuth2ClientCredentials(raw.url("/token"), "me", "hush", MemoryTokenStore(), clock=http.clock)
    assert http.open(auth=auth).request("POST", raw.url("/messages")).status_code == 200
    assert [line.split()[1] for line in raw.requests] == [b"/token", b"/token", b"/messages"]


def test_a_token_endpoint_that_redirects_gets_no_secret_elsewhere(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("307 Moved", b"", "Location: http://localhost:1/token")))
    auth = OAuth2ClientCredentials(raw.url("/token"), "me", "hush", MemoryTokenStore(), clock=http.clock)
    with pytest.raises(AuthError, match="307"):
        http.open(auth=auth).get_json(raw.url())
    assert len(raw.requests) == 1


def test_a_token_url_must_be_http() -> None:
    with pytest.raises(PermanentError):
        OAuth2ClientCredentials("file:///token", "me", "hush", MemoryTokenStore())


def test_an_author_renews_in_their_own_way(http: Http, raw: RawServer) -> None:
    class Rotating(TokenAuth):
        def fetch(self, current: Token | None) -> Token:
            assert current is not None
            return Token(f"after-{current.refresh_token}", None, "r2")

        def sign(self, request: requests.PreparedRequest, token: Token) -> None:
            request.headers["X-Token"] = token.value

    tokens = MemoryTokenStore(access=Token("old", None, "r1"))
    raw.play(sends(answer("401 Unauthorized", b"")), sends(answer()))
    http.open(auth=Rotating(tokens, clock=http.clock)).get_json(raw.url())
    assert b"X-Token: after-r1" in raw.requests[1]
    assert tokens.get("access") == Token("after-r1", None, "r2")


# The store itself


def test_a_stale_token_that_was_replaced_meanwhile_is_not_replaced_again() -> None:
    tokens = MemoryTokenStore(access=Token("new"))
    assert tokens.refresh("access", Token("old"), lambda current: Token("newer")) == Token("new")


def test_a_fetch_that_fails_leaves_the_token_as_it_was() -> None:
    tokens = MemoryTokenStore(access=Token("old"))

    def fetch(current: Token | None) -> Token:
        raise TransientError

    with pytest.raises(TransientError):
        tokens.refresh("access", Token("old"), fetch)
    assert tokens.get("access") == Token("old")
