"""The channel that has the customer's contact at the shop send each message."""

from __future__ import annotations

from typing import Any

from crmsync.sdk import (
    AddressBook,
    Channel,
    ChannelContext,
    HttpSession,
    OutgoingMessage,
    PermanentError,
    Rate,
    Receipt,
    TokenOverHttp,
)
from crmsync_wecom.error_codes import CODES, STALE_TOKEN
from crmsync_wecom.settings import WecomSettings

MAX_BYTES = 4000


class WecomChannel(TokenOverHttp, Channel[WecomSettings]):
    """Makes a task for the employee, who confirms it in WeCom: a message counts as sent once the task is
    made. WeCom knows no key of ours and cannot be asked for one, so a doubtful message waits for a person."""

    name = "wecom"
    title = "WeCom customer contact (企业微信客户联系)"
    Settings = WecomSettings
    medium = "wecom"
    idempotency = "none"
    rate = Rate(10_000, 60)
    codes = CODES
    stale = STALE_TOKEN

    def __init__(self, settings: WecomSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._ids = AddressBook(settings.ids, "external_userid")

    def ask_token(self, http: HttpSession) -> Any:
        secret = self.settings.secret.get_secret_value()
        params = {"corpid": self.settings.corp_id, "corpsecret": secret}
        return http.get_json(f"{self.settings.url}/gettoken", params=params)

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
        answer = self.posted(f"{self.settings.url}/externalcontact/add_msg_template", task)
        if to in (answer.get("fail_list") or ()):
            raise PermanentError("WeCom cannot reach this customer: they are no contact of the sender.")
        return Receipt(str(answer.get("msgid") or key), now)
