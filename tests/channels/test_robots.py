"""The team's robots, each against a server that checks what the platform checks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_context import http_context, notice
from crmsync_dingtalk.channel import DingtalkChannel
from crmsync_dingtalk.channel import signed as signed_for_dingtalk
from crmsync_dingtalk.settings import DingtalkSettings
from crmsync_feishu.channel import FeishuChannel
from crmsync_feishu.channel import signed as signed_for_feishu
from crmsync_feishu.settings import FeishuSettings
from crmsync_wecom.robot import WecomRobot
from crmsync_wecom.settings import WecomRobotSettings
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crmsync.sdk import AuthError, PermanentError, RateLimited, TeamChannel, TransientError, Unconfirmed

SECRET = "SEC-hush-hush"
NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)

Answer = Callable[[Request], dict[str, Any]]


class Group:
    """A chat group with a robot: `answer` checks a request and says what the platform would."""

    def __init__(self, httpserver: HTTPServer, path: str, check: Answer) -> None:
        self.check = check
        self.status = 200
        self.texts: list[str] = []
        self.given: dict[str, Any] | None = None
        httpserver.expect_request(path, method="POST").respond_with_handler(self.answer)

    def answer(self, request: Request) -> Response:
        told = self.given or self.check(request)
        if not any(told.get(name) for name in ("errcode", "code")):
            body = request.get_json()
            self.texts.append(
                body.get("text", body)["content"] if "text" in body else body["content"]["text"]
            )
        return Response(json.dumps(told), self.status, content_type="application/json")


def dingtalk(request: Request) -> dict[str, Any]:
    """Token, signature in the URL (milliseconds, the secret is the key), keyword, length."""
    timestamp = request.args.get("timestamp", "0")
    mac = hmac.new(SECRET.encode(), f"{timestamp}\n{SECRET}".encode(), hashlib.sha256).digest()
    fresh = abs(int(timestamp) / 1000 - NOW.timestamp()) < 3600
    body = request.get_json()
    if request.args.get("access_token") != "tok":
        return {"errcode": 300001, "errmsg": "token is not exist"}
    if not fresh or request.args.get("sign") != base64.b64encode(mac).decode():
        return {"errcode": 310000, "errmsg": "sign not match"}
    if set(body) != {"msgtype", "text"} or "告警" not in body["text"]["content"]:
        return {"errcode": 310000, "errmsg": "keywords not in content"}
    return {"errcode": 0, "errmsg": "ok"}


def feishu(request: Request) -> dict[str, Any]:
    """Signature in the body (seconds, the secret is in the key and the message is empty)."""
    body = request.get_json()
    timestamp = body.get("timestamp", "0")
    mac = hmac.new(f"{timestamp}\n{SECRET}".encode(), b"", hashlib.sha256).digest()
    fresh = abs(int(timestamp) - NOW.timestamp()) < 3600
    if not fresh or body.get("sign") != base64.b64encode(mac).decode():
        return {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}
    if body["msg_type"] != "text" or len(request.get_data()) > 20 * 1024:
        return {"code": 9499, "msg": "Bad Request"}
    return {"code": 0, "msg": "success", "data": {}}


def wecom(request: Request) -> dict[str, Any]:
    content = request.get_json()["text"]["content"]
    if request.args.get("key") != "tok":
        return {"errcode": 93000, "errmsg": "invalid webhook url"}
    if len(content.encode()) > 2048:
        return {"errcode": 40058, "errmsg": "content exceed max length"}
    return {"errcode": 0, "errmsg": "ok"}


CHECKS = {"dingtalk": dingtalk, "feishu": feishu, "wecom-robot": wecom}


def robot(name: str, httpserver: HTTPServer, **settings: Any) -> TeamChannel[Any]:
    url, context = httpserver.url_for("/robot"), http_context()
    if name == "dingtalk":
        given = {"url": url, "access_token": "tok", "secret": SECRET, "keyword": "告警"}
        return DingtalkChannel(DingtalkSettings(**given | settings), context)
    if name == "feishu":
        given = {"url": url, "token": "tok", "secret": SECRET}
        return FeishuChannel(FeishuSettings(**given | settings), context)
    return WecomRobot(WecomRobotSettings(**{"url": url, "key": "tok"} | settings), context)


@pytest.fixture(params=sorted(CHECKS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def group(name: str, httpserver: HTTPServer) -> Group:
    return Group(httpserver, "/robot/tok" if name == "feishu" else "/robot", CHECKS[name])


@pytest.fixture
def channel(name: str, httpserver: HTTPServer) -> Iterator[TeamChannel[Any]]:
    channel = robot(name, httpserver)
    yield channel
    channel.close()


def test_a_notice_arrives_as_it_was_written(channel: TeamChannel[Any], group: Group) -> None:
    assert channel.notify(notice(), "alert-1").reference == "alert-1"
    (text,) = group.texts
    assert text.endswith(notice().whole)


def test_a_notice_that_is_too_long_is_cut_between_characters(channel: TeamChannel[Any], group: Group) -> None:
    channel.notify(notice(text="很长的文字" * 4000), "alert-1")
    assert group.texts[0].endswith("…")
    assert "\ufffd" not in group.texts[0]


@pytest.mark.parametrize(
    ("wrong", "settings"),
    [
        ("dingtalk", {"secret": "another"}),
        ("dingtalk", {"secret": None}),
        ("dingtalk", {"keyword": ""}),
        ("feishu", {"secret": "another"}),
        ("feishu", {"secret": None}),
        ("wecom-robot", {"key": "another"}),
    ],
)
def test_a_robot_that_does_not_know_us_refuses(
    httpserver: HTTPServer, wrong: str, settings: dict[str, Any]
) -> None:
    group = Group(httpserver, "/robot/tok" if wrong == "feishu" else "/robot", CHECKS[wrong])
    channel = robot(wrong, httpserver, **settings)
    with pytest.raises(AuthError) as raised:
        channel.notify(notice(), "alert-1")
    assert group.texts == []
    assert raised.value.fix
    channel.close()


@pytest.mark.parametrize(
    ("platform", "answer", "error", "pause"),
    [
        ("dingtalk", {"errcode": 130101}, RateLimited, timedelta(minutes=10)),
        ("dingtalk", {"errcode": -1}, TransientError, None),
        ("dingtalk", {"errcode": 400}, PermanentError, None),
        ("feishu", {"code": 11232}, RateLimited, timedelta(minutes=1)),
        ("feishu", {"code": 19024}, AuthError, None),
        ("feishu", {"code": 9499}, PermanentError, None),
        ("wecom-robot", {"errcode": 45009}, RateLimited, timedelta(minutes=1)),
        ("wecom-robot", {"errcode": -1}, TransientError, None),
    ],
)
def test_a_code_in_the_answer_says_what_to_do_next(
    httpserver: HTTPServer,
    platform: str,
    answer: dict[str, Any],
    error: type[Exception],
    pause: timedelta | None,
) -> None:
    group = Group(httpserver, "/robot/tok" if platform == "feishu" else "/robot", CHECKS[platform])
    group.given = answer
    group.status = 400 if answer.get("code") == 9499 else 200
    channel = robot(platform, httpserver)
    with pytest.raises(error) as raised:
        channel.notify(notice(), "alert-1")
    assert type(raised.value) is error
    assert pause is None or raised.value.until == channel.clock.now() + pause  # type: ignore[attr-defined]
    channel.close()


def test_an_answer_that_never_comes_whole_leaves_it_open(
    channel: TeamChannel[Any], name: str, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/robot/tok" if name == "feishu" else "/robot").respond_with_data("gone", 502)
    with pytest.raises(Unconfirmed) as raised:
        channel.notify(notice(), "alert-1")
    assert "tok" not in str(raised.value)


def test_the_signatures_are_those_of_the_reference() -> None:
    shared = Path(os.environ.get("CRMSYNC_SHARED", "../shared"))
    file = shared / "specs" / "channels-cn" / "sign-vectors.json"
    if not file.exists():
        pytest.skip(f"needs {file} (CRMSYNC_SHARED)")
    vectors = {vector["name"]: vector for vector in json.loads(file.read_text())}
    known = vectors["dingtalk robot"]
    at = datetime.fromtimestamp(int(known["timestamp_ms"]) / 1000, UTC)
    assert signed_for_dingtalk(SecretStr(known["secret"]), at) == {
        "timestamp": known["timestamp_ms"],
        "sign": known["sign_base64"],
    }
    known = vectors["feishu robot"]
    at = datetime.fromtimestamp(int(known["timestamp_s"]), UTC)
    assert signed_for_feishu(SecretStr(known["secret"]), at)["sign"] == known["sign_base64"]
