"""SMS against a gateway that verifies the signature as Alibaba Cloud's does."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from channel_context import http_context, message
from crmsync_sms_aliyun.channel import SmsAliyunChannel, dialled
from crmsync_sms_aliyun.settings import SmsAliyunSettings
from crmsync_sms_aliyun.signature import signed
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from crmsync.sdk import AuthError, OutgoingMessage, PermanentError, RateLimited, TransientError, Unconfirmed

KEY = "0123456789abcdef"


class Gateway:
    """Keeps what was sent by number and day, in China's days; `code` is what each call is refused with."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.sent: list[dict[str, str]] = []
        self.nonces: set[str] = set()
        self.code: tuple[int, str] | None = None
        self.calls: list[dict[str, str]] = []

    def __call__(self, request: Request) -> Response:
        args = dict(request.args)
        self.calls.append(args)
        refusal = self.code or self._refusal(request)
        if refusal is not None:
            return _json(refusal[0], {"Code": refusal[1], "Message": "words of the platform"})
        action = request.headers["x-acs-action"]
        return _json(200, self._send(args) if action == "SendSms" else self._query(args))

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        algorithm, _, rest = headers["authorization"].partition(" ")
        given = dict(part.split("=", 1) for part in rest.split(","))
        names = given["SignedHeaders"].split(";")
        query = "&".join(
            f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(request.args.items())
        )
        hashed = hashlib.sha256(request.get_data()).hexdigest()
        lines = [
            request.method,
            "/",
            query,
            *(f"{n}:{headers[n]}" for n in names),
            "",
            ";".join(names),
            hashed,
        ]
        canonical = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        mac = hmac.new(b"the-secret", f"{algorithm}\n{canonical}".encode(), hashlib.sha256).hexdigest()
        required = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"}
        if algorithm != "ACS3-HMAC-SHA256" or not required <= set(names) or mac != given["Signature"]:
            return 400, "SignatureDoesNotMatch"
        if given["Credential"] != "the-key":
            return 404, "InvalidAccessKeyId.NotFound"
        if headers["x-acs-signature-nonce"] in self.nonces:
            return 400, "SignatureNonceUsed"
        self.nonces.add(headers["x-acs-signature-nonce"])
        date = datetime.fromisoformat(headers["x-acs-date"])
        return (400, "InvalidTimeStamp.Expired") if abs(self.now - date) > timedelta(minutes=15) else None

    def _send(self, args: dict[str, str]) -> dict[str, Any]:
        if not args["PhoneNumbers"].isdigit():
            return {"Code": "isv.MOBILE_NUMBER_ILLEGAL"}
        if args["SignName"] != "茶馆":
            return {"Code": "isv.SMS_SIGNATURE_ILLEGAL"}
        if set(json.loads(args["TemplateParam"])) != {"name", "days"}:
            return {"Code": "isv.TEMPLATE_MISSING_PARAMETERS"}
        number = len(self.sent) + 1
        at = f"{self.now + timedelta(hours=8):%Y-%m-%d %H:%M:%S}"
        self.sent.append({**args, "BizId": f"biz-{number}", "SendDate": at})
        return {"Code": "OK", "Message": "OK", "BizId": f"biz-{number}", "RequestId": "r"}

    def _query(self, args: dict[str, str]) -> dict[str, Any]:
        day = datetime.strptime(args["SendDate"], "%Y%m%d").strftime("%Y-%m-%d")
        found = [
            {"OutId": s["OutId"], "BizId": s["BizId"], "SendDate": s["SendDate"], "SendStatus": 3}
            for s in self.sent
            if s["PhoneNumbers"] == args["PhoneNumber"] and s["SendDate"].startswith(day)
        ]
        size, page = int(args["PageSize"]), int(args["CurrentPage"])
        part = found[(page - 1) * size : page * size]
        return {"Code": "OK", "TotalCount": len(found), "SmsSendDetailDTOs": {"SmsSendDetailDTO": part}}


def _json(status: int, body: dict[str, Any]) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")


def sms(**changes: Any) -> OutgoingMessage:
    given = {"subject": "SMS_71390007", "body": "name: 林\ndays: 120", "phone": "+86 138 0000 0000"}
    return message(**given | changes)


@pytest.fixture
def gateway(channel: SmsAliyunChannel, httpserver: HTTPServer) -> Gateway:
    gateway = Gateway(channel.clock.now())
    httpserver.expect_request("/").respond_with_handler(gateway)
    return gateway


@pytest.fixture
def channel(httpserver: HTTPServer) -> Iterator[SmsAliyunChannel]:
    channel = opened(httpserver)
    yield channel
    channel.close()


def opened(httpserver: HTTPServer, **settings: Any) -> SmsAliyunChannel:
    given = {
        "access_key_id": "the-key",
        "access_key_secret": "the-secret",
        "sign_name": "茶馆",
        "url": httpserver.url_for("/"),
        "rate": "1000/s",
    }
    return SmsAliyunChannel(SmsAliyunSettings(**given | settings), http_context())


def test_a_message_fills_in_an_approved_template(channel: SmsAliyunChannel, gateway: Gateway) -> None:
    assert channel.reaches(sms()) is None
    assert channel.send(sms(), KEY).reference == "biz-1"
    (sent,) = gateway.sent
    assert (sent["PhoneNumbers"], sent["TemplateCode"], sent["OutId"]) == ("13800000000", "SMS_71390007", KEY)
    assert json.loads(sent["TemplateParam"]) == {"name": "林", "days": "120"}


def test_what_became_of_a_message_is_found_by_its_key(channel: SmsAliyunChannel, gateway: Gateway) -> None:
    for number in range(60):
        channel.send(sms(), f"key-{number}")
    sent_at = gateway.now
    # Three days later the day it was sent is no longer the first that is asked for.
    channel.clock.advance(timedelta(days=3))  # type: ignore[attr-defined]
    gateway.now = channel.clock.now()
    found = channel.lookup(sms(), "key-59")
    assert found is not None
    assert (found.reference, found.repeated) == ("biz-60", True)
    assert found.at == sent_at
    assert channel.lookup(sms(), "key-60") is None
    assert channel.lookup(sms(phone="13900000000"), "key-59") is None


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"access_key_secret": "another"}, "SignatureDoesNotMatch"),
        ({"access_key_id": "another"}, "InvalidAccessKeyId"),
        ({"sign_name": "酒馆"}, "isv.SMS_SIGNATURE_ILLEGAL"),
    ],
)
def test_what_the_account_may_not_do_stops_the_channel(
    httpserver: HTTPServer, gateway: Gateway, settings: dict[str, Any], answer: str
) -> None:
    wrong = opened(httpserver, **settings)
    with pytest.raises(AuthError, match=answer) as raised:
        wrong.send(sms(), KEY)
    assert gateway.sent == []
    assert "words of the platform" not in str(raised.value)
    wrong.close()


def test_a_clock_that_is_wrong_is_named(channel: SmsAliyunChannel, gateway: Gateway) -> None:
    gateway.now += timedelta(minutes=16)
    with pytest.raises(AuthError, match="clock"):
        channel.send(sms(), KEY)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (200, "isv.BUSINESS_LIMIT_CONTROL", TransientError),
        (200, "isv.AMOUNT_NOT_ENOUGH", AuthError),
        (200, "isv.SMS_TEMPLATE_ILLEGAL", PermanentError),
        (200, "isv.SOMETHING_NEW", PermanentError),
        (200, "isp.SYSTEM_ERROR", TransientError),
        (400, "Throttling.User", RateLimited),
        (503, "ServiceUnavailable", Unconfirmed),
    ],
)
def test_each_answer_says_what_to_do_next(
    channel: SmsAliyunChannel, gateway: Gateway, status: int, code: str, error: type[Exception]
) -> None:
    gateway.code = (status, code)
    with pytest.raises(error) as raised:
        channel.send(sms(), KEY)
    assert type(raised.value) is error
    assert "138" not in str(raised.value)


def test_a_text_that_lacks_a_value_of_the_template_is_final(
    channel: SmsAliyunChannel, gateway: Gateway
) -> None:
    with pytest.raises(PermanentError, match="lacks a value"):
        channel.send(sms(body="name: 林"), KEY)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"phone": None}, "no phone number"),
        ({"phone": "12345"}, "cannot be used"),
        ({"subject": ""}, "names a template"),
        ({"body": "Dear Lin"}, "line 1"),
        ({"body": "a: 1\na: 2"}, "twice"),
    ],
)
def test_what_cannot_be_sent_is_said_before(
    channel: SmsAliyunChannel, changes: dict[str, Any], why: str
) -> None:
    assert why in (channel.reaches(sms(**changes)) or "")


@pytest.mark.parametrize(
    ("phone", "told"),
    [
        ("13800000000", "13800000000"),
        ("+86 138-0000-0000", "13800000000"),
        ("8613800000000", "13800000000"),
        ("+49 (30) 1234567", "49301234567"),
        ("030 1234567", None),
        ("+86 12345", "8612345"),
        (None, None),
    ],
)
def test_a_number_is_written_as_the_service_wants_it(phone: str | None, told: str | None) -> None:
    assert dialled(phone) == told


@pytest.mark.parametrize("name", ["aliyun v3 RunInstances", "aliyun v3 SendSms"])
def test_the_signature_is_that_of_the_reference(name: str) -> None:
    file = Path(os.environ.get("CRMSYNC_SHARED", "../shared")) / "specs" / "channels-cn" / "sign-vectors.json"
    if not file.exists():
        pytest.skip(f"needs {file} (CRMSYNC_SHARED)")
    (known,) = [vector for vector in json.loads(file.read_text()) if vector["name"] == name]
    query = known["query"].items()
    _, signature = signed(known["method"], known["path"], query, known["headers"], known["secret"])
    assert signature == known["signature"]
    _, other = signed(known["method"], known["path"], query, known["headers"], known["secret"] + "x")
    assert other != known["signature"]
