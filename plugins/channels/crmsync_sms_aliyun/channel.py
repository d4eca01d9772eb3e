"""The channel that sends each message as an SMS by Alibaba Cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from crmsync.sdk import (
    Channel,
    OutgoingMessage,
    OverHttp,
    Rate,
    Receipt,
    form_fields,
)
from crmsync_sms_aliyun.error_codes import CODES
from crmsync_sms_aliyun.settings import SmsAliyunSettings
from crmsync_sms_aliyun.signature import AcsAuth

VERSION = "2017-05-25"
DAYS_KEPT = 30
PAGE = 50

_REFUSALS = frozenset({400, 403, 404})  # the gateway's, with a code in the body
_CHINA = timezone(timedelta(hours=8))
_MAINLAND = re.compile(r"(?:\+?86)?(1[3-9]\d{9})")
_ABROAD = re.compile(r"\+(\d{7,15})")


class SmsAliyunChannel(OverHttp, Channel[SmsAliyunSettings]):
    """The text of a message fills in a template that was approved before. Sending twice sends two; what
    became of a message is asked for by its OutId, which is our key."""

    name = "sms-aliyun"
    title = "Alibaba Cloud SMS (阿里云短信)"
    Settings = SmsAliyunSettings
    medium = "sms"
    idempotency = "lookup"

    def auth(self) -> AcsAuth:
        return AcsAuth(self.settings.access_key_id, self.settings.access_key_secret, self.clock)

    def rate_limits(self) -> Mapping[str, Rate]:
        return {"default": self.settings.rate}

    def reaches(self, message: OutgoingMessage) -> str | None:
        if not message.recipient.phone:
            return "no phone number"
        if dialled(message.recipient.phone) is None:
            return "the phone number cannot be used"
        if not self._template(message):
            return "neither its subject nor the channel names a template"
        try:
            form_fields(message.body)
        except ValueError as error:
            return str(error)
        return super().reaches(message)

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        answer = self._call(
            "SendSms",
            {
                "PhoneNumbers": dialled(message.recipient.phone),
                "SignName": self.settings.sign_name,
                "TemplateCode": self._template(message),
                "TemplateParam": json.dumps(form_fields(message.body), ensure_ascii=False),
                "OutId": key,
            },
            idempotent=False,
        )
        return Receipt(str(answer.get("BizId") or key), self.clock.now())

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """Searches the days of which the service keeps its receipts, the latest first."""
        today = self.clock.now().astimezone(_CHINA)
        for day in range(DAYS_KEPT):
            for sent in self._receipts(message, today - timedelta(days=day)):
                if sent.get("OutId") == key:
                    return Receipt(str(sent.get("BizId") or key), _time(sent.get("SendDate")), repeated=True)
        return None

    def _receipts(self, message: OutgoingMessage, day: datetime) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._call(
                "QuerySendDetails",
                {
                    "PhoneNumber": dialled(message.recipient.phone),
                    "SendDate": f"{day:%Y%m%d}",
                    "PageSize": PAGE,
                    "CurrentPage": page,
                },
                idempotent=True,
            )
            found = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
            yield from found
            if len(found) < PAGE:
                return
            page += 1

    def _call(self, action: str, params: Mapping[str, Any], *, idempotent: bool) -> dict[str, Any]:
        answer = self.http.request_json(
            "POST",
            self.settings.url,
            params=params,
            headers={"x-acs-action": action, "x-acs-version": VERSION},
            idempotent=idempotent,
            accept=_REFUSALS,
        )
        if answer.get("Code") != "OK":
            raise CODES.error(answer.get("Code"), self.clock.now())
        return dict(answer)

    def _template(self, message: OutgoingMessage) -> str | None:
        return message.subject.strip() or self.settings.template_code


def dialled(phone: str | None) -> str | None:
    """The number as the service wants it: eleven digits in mainland China, else country code and
    number; None when it is neither."""
    digits = re.sub(r"[\s().-]", "", phone or "")
    if mainland := _MAINLAND.fullmatch(digits):
        return mainland[1]
    abroad = _ABROAD.fullmatch(digits)
    return abroad[1] if abroad else None


def _time(text: Any) -> datetime | None:
    """When the service says it was sent; it writes China's time."""
    try:
        return datetime.strptime(str(text), "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
    except ValueError:
        return None
