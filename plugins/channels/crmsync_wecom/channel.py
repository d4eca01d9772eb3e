"""The channel that has the customer's contact at the shop send each message."""

from __future__ import annotations

from typing import Any

import requests

from crmsync.sdk import (
    AddressBook,
    Channel,
    ChannelContext,
    OutgoingMessage,
    OverHttp,
    PermanentError,
    QueryToken,
    Rate,
    Receipt,
)
from crmsync_wecom.error_codes import CODES, STALE_TOKEN
from crmsync_wecom.settings import WecomSettings

MAX_BYTES = 4000


class WecomChannel(OverHttp, Channel[WecomSettings]):
    """Makes a task for the employee, who confirms it in WeCom: a message counts as sent once the task is
    made. WeCom knows no key of ours and cannot be asked for one, so a doubtful message waits for a person."""

    name = "wecom"
    title = "WeCom customer contact (企业微信客户联系)"
    Settings = WecomSettings
    medium = "wecom"
    idempotency = "none"
    rate = Rate(10_000, 60)

    def __init__(self, settings: WecomSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._ids = AddressBook(settings.ids, "external_userid")

    def auth(self) -> QueryToken:
        return QueryToken("access_token", self._new_token, self.context.tokens, clock=self.clock)

    def inspect(self, response: requests.Response) -> None:
        answer = response.json()
        if isinstance(answer, dict) and answer.get("errcode") in STALE_TOKEN:
            raise CODES.error(answer["errcode"], self.clock.now())

    def reaches(self, message: OutgoingMessage) -> str | None:
        if not self._ids.find(message.recipient):
            return "no external_userid of WeCom is known"
        size = len(message.body.encode())
        if size > MAX_BYTES:
            return f"the text has {size} bytes, WeCom takes {MAX_BYTES}"
        return super().reaches(message)

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        to = self._ids.find(message.recipient)
        task: dict[str, Any] = {
            "chat_type": "single",
            "external_userid": [to],
            "text": {"content": message.body},
        }
        if self.settings.sender is not None:
            task["sender"] = self.settings.sender
        answer = self.http.request_json(
            "POST", f"{self.settings.url}/externalcontact/add_msg_template", json=task, idempotent=False
        )
        if answer.get("errcode") != 0:
            raise CODES.error(answer.get("errcode"), now)
        if to in (answer.get("fail_list") or ()):
            raise PermanentError("WeCom cannot reach this customer: they are no contact of the sender.")
        return Receipt(str(answer.get("msgid") or key), now)

    def _new_token(self) -> tuple[str, float]:
        session = self.context.http(auth=None, inspect=lambda response: None, rate_limits={})
        try:
            answer = session.get_json(
                f"{self.settings.url}/gettoken",
                params={
                    "corpid": self.settings.corp_id,
                    "corpsecret": self.settings.secret.get_secret_value(),
                },
            )
        finally:
            session.close()
        if not answer.get("access_token"):
            raise CODES.error(answer.get("errcode"), self.clock.now())
        return answer["access_token"], float(answer.get("expires_in") or 7200)
