"""The pages of the daemon, as a server."""

from __future__ import annotations

import http.client
import json
import logging

import pytest

from crmsync.daemon.endpoint import MAX_BODY, Answer, Endpoint, Request
from crmsync.sdk import ConfigError


def broken(request: Request) -> Answer:
    raise RuntimeError("secret")


def echo(request: Request) -> Answer:
    told = {"rest": request.rest, "body": request.body.decode(), "header": request.headers.get("x-a")}
    return Answer.json(200, told)


@pytest.fixture
def endpoint():
    endpoint = Endpoint(
        ("127.0.0.1", 0),
        {
            ("GET", "/well"): lambda request: Answer.json(200, {"a": 1}),
            ("GET", "/broken"): broken,
            ("POST", "/echo/"): echo,
        },
    )
    yield endpoint
    endpoint.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/well", 200),
        ("GET", "/well?x=1", 200),
        ("GET", "/other", 404),
        ("GET", "/echo/x", 404),
        ("POST", "/well", 404),
        ("POST", "/echo/x/y", 404),
        ("PUT", "/well", 501),
    ],
)
def test_answers(endpoint: Endpoint, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    connection.request(method, path, b"" if method == "POST" else None)
    assert connection.getresponse().status == status
    connection.close()


def posted(endpoint: Endpoint, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    connection.putrequest("POST", "/echo/shop?x=1")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    read = answer.status, json.loads(answer.read())
    connection.close()
    return read


def test_a_route_is_given_what_was_posted(endpoint: Endpoint) -> None:
    status, told = posted(endpoint, {"Content-Length": "2", "X-A": "b"}, b"hi")
    assert (status, told) == (200, {"rest": "shop", "body": "hi", "header": "b"})


@pytest.mark.parametrize(
    ("length", "status"), [(None, 411), ("-1", 411), ("two", 411), (str(MAX_BODY + 1), 413)]
)
def test_a_body_without_a_length_or_too_long_is_refused_unread(
    endpoint: Endpoint, length: str | None, status: int
) -> None:
    assert posted(endpoint, {"Content-Length": length} if length else {}, b"")[0] == status


def test_a_page_that_fails_keeps_its_reason_for_the_log(
    endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    with caplog.at_level(logging.ERROR, "crmsync.daemon"):
        connection.request("GET", "/broken")
        answer = connection.getresponse()
        assert answer.status == 500
        assert b"secret" not in answer.read()
    connection.close()
    assert [record.action for record in caplog.records] == ["page_failed"]  # type: ignore[attr-defined]


def test_an_address_that_is_taken(endpoint: Endpoint) -> None:
    with pytest.raises(ConfigError, match=r"daemon\.listen"):
        Endpoint(("127.0.0.1", endpoint.port), {})
