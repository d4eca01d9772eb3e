"""The channel that sends each message as a template or subscription notice of an official account."""

from __future__ import annotations

from typing import Any

from crmsync.sdk import (
    AddressBook,
    Channel,
    ChannelContext,
    HttpSession,
    OutgoingMessage,
    Receipt,
    TokenOverHttp,
    form_fields,
)
from crmsync_wechat.error_codes import CODES, STALE_TOKEN
from crmsync_wechat.settings import WechatSettings

_PATHS = {"template": "message/template/send", "subscribe": "message/subscribe/bizsend"}
_LINK = {"template": "url", "subscribe": "page"}


class WechatChannel(TokenOverHttp, Channel[WechatSettings]):
    """The text of a message fills in a form that WeChat keeps. WeChat allows no marketing by it, and
    cannot be asked what became of a message."""

    name = "wechat"
    title = "WeChat official account (微信公众号)"
    Settings = WechatSettings
    medium = "wechat"
    idempotency = "none"
    purposes = frozenset({"service"})
    codes = CODES
    stale = STALE_TOKEN

    def __init__(self, settings: WechatSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._ids = AddressBook(settings.ids, "openid")

    def ask_token(self, http: HttpSession) -> Any:
        """A stable token: unlike those of `token`, a new one leaves other users of the account theirs."""
        account = {"appid": self.settings.app_id, "secret": self.settings.secret.get_secret_value()}
        body = {"grant_type": "client_credential", **account}
        return http.request_json("POST", f"{self.settings.url}/stable_token", json=body, idempotent=True)

    def reaches(self, message: OutgoingMessage) -> str | None:
        if not self._ids.find(message.recipient):
            return "no openid of WeChat is known"
        if not self._template(message):
            return "neither its subject nor the channel names a template of WeChat"
        try:
            form_fields(message.body)
        except ValueError as error:
            return str(error)
        return super().reaches(message)

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        notice: dict[str, Any] = {
            "touser": self._ids.find(message.recipient),
            "template_id": self._template(message),
            "data": {name: {"value": value} for name, value in form_fields(message.body).items()},
        }
        if self.settings.link:
            notice[_LINK[self.settings.kind]] = self.settings.link
        answer = self.posted(f"{self.settings.url}/{_PATHS[self.settings.kind]}", notice)
        return Receipt(str(answer.get("msgid") or key), now)

    def _template(self, message: OutgoingMessage) -> str | None:
        return message.subject.strip() or self.settings.template_id
