"""Apprise posts to whatever its URL says: here to a server on loopback."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from channel_context import context, notice
from crmsync_apprise.channel import AppriseChannel
from crmsync_apprise.settings import AppriseSettings
from pytest_httpserver import HTTPServer

from crmsync.sdk import ConfigError, TransientError

# Apprise looks for a module of the standard library that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")


def opened(url: str) -> AppriseChannel:
    return AppriseChannel(AppriseSettings(url=url), context())  # type: ignore[arg-type]


@pytest.fixture
def url(httpserver: HTTPServer) -> str:
    pytest.importorskip("apprise", reason="needs the extra [apprise]")
    return f"json://{httpserver.host}:{httpserver.port}/notices"


def test_a_notice_arrives(httpserver: HTTPServer, url: str) -> None:
    httpserver.expect_request("/notices", method="POST").respond_with_json({})
    assert opened(url).notify(notice(), "alert-1").reference == "alert-1"
    (request, _) = httpserver.log[0]
    posted: dict[str, Any] = request.get_json()
    assert posted["title"] == notice().title
    assert posted["type"] == "failure"
    assert "503 & more" in posted["message"]


def test_what_the_service_refuses_is_tried_again(httpserver: HTTPServer, url: str) -> None:
    httpserver.expect_request("/notices").respond_with_data("", status=500)
    with pytest.raises(TransientError):
        opened(url).notify(notice(), "alert-1")


def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="no such service"):
        opened("nosuchservice://token")


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError, match="not installed") as raised:
        opened("json://127.0.0.1")
    assert "crmsync[apprise]" in raised.value.fix
