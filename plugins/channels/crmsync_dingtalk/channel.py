"""The channel that posts each notice into the DingTalk group of a custom robot."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

from pydantic import SecretStr

from crmsync.sdk import (
    AuthError,
    ErrorCode,
    ErrorCodes,
    Notice,
    OverHttp,
    QueryKey,
    Rate,
    RateLimited,
    Receipt,
    TeamChannel,
    TransientError,
    shortened,
)
from crmsync_dingtalk.settings import DingtalkSettings

# The whole body may have about 20,000, and JSON may write a text in twice its bytes.
MAX_BYTES = 9_000
_CODES = ErrorCodes(
    "DingTalk",
    {
        "130101": ErrorCode(
            RateLimited, "more than 20 messages in a minute block a robot", pause=timedelta(minutes=10)
        ),
        "310000": ErrorCode(
            AuthError,
            "the robot's security setting turned it away",
            "Set secret or keyword as the robot's page shows them; a list of addresses must have ours.",
        ),
        "-1": ErrorCode(TransientError, "the system is busy"),
    },
)


class DingtalkChannel(OverHttp, TeamChannel[DingtalkSettings]):
    """Text, signed where the robot has a secret."""

    name = "dingtalk"
    title = "DingTalk robot (钉钉机器人)"
    Settings = DingtalkSettings
    rate = Rate(20, 60)

    def auth(self) -> QueryKey:
        return QueryKey("access_token", self.settings.access_token)

    def notify(self, notice: Notice, key: str) -> Receipt:
        now = self.clock.now()
        keyword = self.settings.keyword
        text = notice.whole if keyword in notice.whole else f"{keyword}\n{notice.whole}"
        answer = self.http.request_json(
            "POST",
            self.settings.url,
            params=signed(self.settings.secret, now) if self.settings.secret else None,
            json={"msgtype": "text", "text": {"content": shortened(text, MAX_BYTES)}},
            idempotent=False,
        )
        if answer.get("errcode") != 0:
            raise _CODES.error(answer.get("errcode"), now)
        return Receipt(key, now)


def signed(secret: SecretStr, now: datetime) -> dict[str, str]:
    """The parameters that prove the secret: HMAC-SHA256 of milliseconds and secret, with the secret."""
    timestamp = str(int(now.timestamp() * 1000))
    plain = secret.get_secret_value()
    mac = hmac.new(plain.encode(), f"{timestamp}\n{plain}".encode(), hashlib.sha256).digest()
    return {"timestamp": timestamp, "sign": base64.b64encode(mac).decode()}
