"""The channel that posts each notice into the Feishu group of a custom robot."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from crmsync.sdk import (
    AuthError,
    ErrorCode,
    ErrorCodes,
    Notice,
    OverHttp,
    Rate,
    RateLimited,
    Receipt,
    TeamChannel,
    shortened,
)
from crmsync_feishu.settings import FeishuSettings

# The whole body may have 20 KB, and JSON may write a text in twice its bytes.
MAX_BYTES = 9_000
_BAD_REQUEST = 400  # some refusals come with this status, and with their code in the body
_SETTINGS = (
    "Set secret and keyword as the robot's security settings show them; its list of addresses must have ours."
)
_CODES = ErrorCodes(
    "Feishu",
    {
        "11232": ErrorCode(RateLimited, "the system is throttled"),
        "19021": ErrorCode(AuthError, "the signature is wrong or older than an hour", _SETTINGS),
        "19022": ErrorCode(AuthError, "this address is not on the robot's list", _SETTINGS),
        "19024": ErrorCode(AuthError, "the robot's keyword is not in the message", _SETTINGS),
    },
)


class TokenInPath(AuthBase):
    """The token, put behind the address only when the request goes out: no error can tell it."""

    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        r.url = f"{r.url}/{self._token.get_secret_value()}"
        return r


class FeishuChannel(OverHttp, TeamChannel[FeishuSettings]):
    """Text, signed where the robot has a secret."""

    name = "feishu"
    title = "Feishu robot (飞书机器人)"
    Settings = FeishuSettings
    rate = Rate(100, 60)

    def auth(self) -> TokenInPath:
        return TokenInPath(self.settings.token)

    def notify(self, notice: Notice, key: str) -> Receipt:
        now = self.clock.now()
        keyword = self.settings.keyword
        text = notice.whole if keyword in notice.whole else f"{keyword}\n{notice.whole}"
        body = {"msg_type": "text", "content": {"text": shortened(text, MAX_BYTES)}}
        if self.settings.secret:
            body |= signed(self.settings.secret, now)
        answer = self.http.request_json(
            "POST", self.settings.url.rstrip("/"), json=body, idempotent=False, accept={_BAD_REQUEST}
        )
        if answer.get("code") != 0:
            raise _CODES.error(answer.get("code"), now)
        return Receipt(key, now)


def signed(secret: SecretStr, now: datetime) -> dict[str, str]:
    """The fields that prove the secret. Seconds and secret are the key of the HMAC, and its message is
    empty: both differ from DingTalk."""
    timestamp = str(int(now.timestamp()))
    key = f"{timestamp}\n{secret.get_secret_value()}".encode()
    return {"timestamp": timestamp, "sign": base64.b64encode(hmac.digest(key, b"", hashlib.sha256)).decode()}
