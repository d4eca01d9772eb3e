"""WeCom and WeChat against a server that checks tokens and fields as their references state them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_context import http_context, message
from crmsync_wechat.channel import WechatChannel
from crmsync_wechat.settings import WechatSettings
from crmsync_wecom.channel import WecomChannel
from crmsync_wecom.settings import WecomSettings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crmsync.sdk import AuthError, ConfigError, MemoryTokenStore, PermanentError, RateLimited, TransientError


class Tencent:
    """Gives tokens, knows the latest of them alone, and refuses every call with another."""

    def __init__(self, httpserver: HTTPServer) -> None:
        self.issued = 0
        self.code: int | None = None
        self.sent: list[dict[str, Any]] = []
        for path, answer in {
            "/gettoken": self.wecom_token,
            "/stable_token": self.wechat_token,
            "/externalcontact/add_msg_template": self.checked(self.task),
            "/message/template/send": self.checked(self.template),
            "/message/subscribe/bizsend": self.checked(self.subscribed),
        }.items():
            httpserver.expect_request(path).respond_with_handler(answer)

    def wecom_token(self, request: Request) -> Response:
        if dict(request.args) != {"corpid": "ww1", "corpsecret": "hush"} or request.method != "GET":
            return _json({"errcode": 40001, "errmsg": "invalid credential"})
        return self.token({"errcode": 0})

    def wechat_token(self, request: Request) -> Response:
        wanted = {"grant_type": "client_credential", "appid": "wx1", "secret": "hush"}
        if request.get_json() != wanted:
            return _json({"errcode": 40125, "errmsg": "invalid appsecret"})
        return self.token({})

    def token(self, answer: dict[str, Any]) -> Response:
        self.issued += 1
        return _json({**answer, "access_token": f"token-{self.issued}", "expires_in": 7200})

    def checked(self, take: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            if request.args.get("access_token") != f"token-{self.issued}":
                return _json({"errcode": 40014, "errmsg": "invalid access_token"})
            if self.code is not None:
                return _json({"errcode": self.code, "errmsg": "c1 is refused"})
            return _json(take(request.get_json()))

        return answer

    def task(self, body: dict[str, Any]) -> dict[str, Any]:
        known = {"chat_type", "external_userid", "text", "sender"}
        if not set(body) <= known or body["chat_type"] != "single" or not body["text"]["content"]:
            return {"errcode": 40058, "errmsg": "invalid parameter"}
        self.sent.append(body)
        fails = [id for id in body["external_userid"] if id.startswith("stranger")]
        return {"errcode": 0, "errmsg": "ok", "fail_list": fails, "msgid": f"m{len(self.sent)}"}

    def template(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.form(body, {"touser", "template_id", "data", "url"})

    def subscribed(self, body: dict[str, Any]) -> dict[str, Any]:
        return self.form(body, {"touser", "template_id", "data", "page"})

    def form(self, body: dict[str, Any], known: set[str]) -> dict[str, Any]:
        if not set(body) <= known:
            return {"errcode": 47001, "errmsg": "data format error"}
        if body["template_id"] != "tpl-1":
            return {"errcode": 40037, "errmsg": "invalid template_id"}
        if any(len(field["value"]) > 20 for field in body["data"].values()):
            return {"errcode": 47003, "errmsg": "argument invalid"}
        self.sent.append(body)
        return {"errcode": 0, "errmsg": "ok", "msgid": len(self.sent)}


def _json(body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), content_type="application/json")


@pytest.fixture
def tencent(httpserver: HTTPServer) -> Tencent:
    return Tencent(httpserver)


def wecom_of(httpserver: HTTPServer, tokens: Any = None, **settings: Any) -> WecomChannel:
    given = {"corp_id": "ww1", "secret": "hush", "url": httpserver.url_for("").rstrip("/")}
    context = http_context(**({"tokens": tokens} if tokens else {}))
    return WecomChannel(WecomSettings(**given | settings), context)


def wechat_of(httpserver: HTTPServer, **settings: Any) -> WechatChannel:
    given = {"app_id": "wx1", "secret": "hush", "url": httpserver.url_for("").rstrip("/")}
    return WechatChannel(WechatSettings(**given | settings), http_context())


@pytest.fixture
def wecom(httpserver: HTTPServer) -> Iterator[WecomChannel]:
    channel = wecom_of(httpserver)
    yield channel
    channel.close()


@pytest.fixture
def wechat(httpserver: HTTPServer) -> Iterator[WechatChannel]:
    channel = wechat_of(httpserver)
    yield channel
    channel.close()


def notice(**changes: Any) -> Any:
    given = {"subject": "tpl-1", "body": "thing1: 林的订单\ntime2: 2026-06-01", "purpose": "service"}
    return message(**given | changes)


def test_wecom_makes_a_task_for_the_customers_contact(
    wecom: WecomChannel, tencent: Tencent, httpserver: HTTPServer
) -> None:
    assert wecom.send(message(), "k").reference == "m1"
    assert tencent.sent == [
        {"chat_type": "single", "external_userid": ["c1"], "text": {"content": message().body}}
    ]
    named = wecom_of(httpserver, sender="lin")
    named.send(message(), "k")
    assert tencent.sent[1]["sender"] == "lin"
    named.close()


def test_wecom_tells_who_is_no_contact(wecom: WecomChannel, tencent: Tencent) -> None:
    with pytest.raises(PermanentError, match="no contact"):
        wecom.send(message(account_id="stranger-1"), "k")


def test_one_token_serves_until_it_ends_and_is_renewed_when_it_is_refused(
    wecom: WecomChannel, tencent: Tencent
) -> None:
    wecom.send(message(), "a")
    wecom.send(message(), "b")
    assert tencent.issued == 1
    tencent.issued = 5  # Somebody else has taken a new one.
    wecom.send(message(), "c")
    assert (tencent.issued, len(tencent.sent)) == (6, 3)
    wecom.clock.advance(timedelta(hours=2))  # type: ignore[attr-defined]
    wecom.send(message(), "d")
    assert tencent.issued == 7


def test_a_token_is_kept_by_the_host(tencent: Tencent, httpserver: HTTPServer) -> None:
    tokens = MemoryTokenStore()
    for _ in range(2):
        channel = wecom_of(httpserver, tokens)
        channel.send(message(), "k")
        channel.close()
    assert tencent.issued == 1


def test_a_wrong_secret_stops_the_channel(tencent: Tencent, httpserver: HTTPServer) -> None:
    for channel in (wecom_of(httpserver, secret="other"), wechat_of(httpserver, secret="other")):
        with pytest.raises(AuthError) as raised:
            channel.send(notice(), "k")
        assert "other" not in str(raised.value)
        channel.close()
    assert tencent.sent == []


@pytest.mark.parametrize(
    ("code", "error"),
    [(45009, RateLimited), (45033, RateLimited), (-1, TransientError), (84061, PermanentError)],
)
def test_wecoms_codes_say_what_to_do_next(
    wecom: WecomChannel, tencent: Tencent, code: int, error: type[Exception]
) -> None:
    tencent.code = code
    with pytest.raises(error) as raised:
        wecom.send(message(), "k")
    assert type(raised.value) is error
    assert "c1" not in str(raised.value)


@pytest.mark.parametrize(("kind", "link"), [("template", "url"), ("subscribe", "page")])
def test_wechat_fills_in_a_template(tencent: Tencent, httpserver: HTTPServer, kind: str, link: str) -> None:
    channel = wechat_of(httpserver, kind=kind, link="https://shop.example/o")
    assert channel.send(notice(), "k").reference == "1"
    assert tencent.sent == [
        {
            "touser": "c1",
            "template_id": "tpl-1",
            link: "https://shop.example/o",
            "data": {"thing1": {"value": "林的订单"}, "time2": {"value": "2026-06-01"}},
        }
    ]
    channel.close()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (43004, PermanentError),
        (43101, PermanentError),
        (43117, TransientError),
        (45009, RateLimited),
        (45011, RateLimited),
        (40164, AuthError),
        (-1, TransientError),
    ],
)
def test_wechats_codes_say_what_to_do_next(
    wechat: WechatChannel, tencent: Tencent, code: int, error: type[Exception]
) -> None:
    tencent.code = code
    with pytest.raises(error) as raised:
        wechat.send(notice(), "k")
    assert type(raised.value) is error


def test_wechat_refuses_another_template_and_a_value_that_is_too_long(
    wechat: WechatChannel, tencent: Tencent
) -> None:
    with pytest.raises(PermanentError, match="40037"):
        wechat.send(notice(subject="tpl-2"), "k")
    with pytest.raises(PermanentError, match="47003"):
        wechat.send(notice(body="thing1: " + "长" * 21), "k")
    assert tencent.sent == []


def test_wechat_says_before_what_cannot_be_sent(wechat: WechatChannel) -> None:
    assert wechat.reaches(notice()) is None
    assert "names a template" in (wechat.reaches(notice(subject="")) or "")
    assert "line 1" in (wechat.reaches(notice(body="Dear Lin")) or "")
    assert "marketing" not in wechat.purposes


def test_wecom_says_before_what_cannot_be_sent(wecom: WecomChannel) -> None:
    assert wecom.reaches(message()) is None
    assert "4002 bytes" in (wecom.reaches(message(body="长" * 1334)) or "")


def test_ids_come_from_a_file_where_the_platform_has_its_own(
    tencent: Tencent, httpserver: HTTPServer, tmp_path: Path
) -> None:
    ids = tmp_path / "ids.csv"
    ids.write_text("connection,account_id,external_userid\nshop,c1,wm1\n", "utf-8")
    channel = wecom_of(httpserver, ids=ids)
    assert channel.reaches(message()) is None
    assert "no external_userid" in (channel.reaches(message(connection="other")) or "")
    channel.send(message(), "k")
    assert tencent.sent[0]["external_userid"] == ["wm1"]
    ids.write_text("connection,account_id\nshop,c1\n", "utf-8")
    later = ids.stat().st_mtime_ns + 10**9
    os.utime(ids, ns=(later, later))
    with pytest.raises(ConfigError, match="no column external_userid"):
        channel.reaches(message())
    ids.unlink()
    with pytest.raises(ConfigError, match=r"ids\.csv cannot be read"):
        channel.reaches(message())
    channel.close()
