"""The pages of the daemon, as a server."""

from __future__ import annotations

import http.client
import logging

import pytest

from crmsync.daemon.endpoint import Answer, Endpoint
from crmsync.sdk import ConfigError


def broken() -> Answer:
    raise RuntimeError("secret")


@pytest.fixture
def endpoint():
    endpoint = Endpoint(("127.0.0.1", 0), {"/well": lambda: Answer.json(200, {"a": 1}), "/broken": broken})
    yield endpoint
    endpoint.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/well", 200), ("GET", "/well?x=1", 200), ("GET", "/other", 404), ("POST", "/well", 501)],
)
def test_answers(endpoint: Endpoint, method: str, path: str, status: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=5)
    connection.request(method, path)
    assert connection.getresponse().status == status
    connection.close()


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
