"""Redaction: secrets and contact data out of everything that can be logged.

Three nets, one behind the other: by the name of a key, by known secret values, by the shape of a value.
"""

from __future__ import annotations

import base64
import json
import logging
import re
import threading
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

MASK = "[redacted]"

_SECRET_WORDS = frozenset(
    "authorization auth token secret password passwd pwd passphrase key apikey appkey appsecret credential "
    "credentials cookie session signature sign sig jwt otp pin cvv".split()
)
_CONTACT_WORDS = frozenset(
    "email mail phone mobile tel telephone fax address addr street postcode zipcode birthday wechat openid "
    "unionid idcard passport iban cardno nick nickname "
    "姓名 电话 手机 手机号 邮箱 地址 收货地址 收件人 身份证".split()
)
_CONTACT_PAIRS = frozenset({"id_card", "id_number", "card_number", "card_no", "real_name", "tax_id"})
_PERSONS = frozenset(
    "customer buyer receiver recipient user first last full family given real contact consignee person "
    "sender member nick display".split()
)
# Named like a secret, yet what a log is read for.
_PLAIN_KEYS = frozenset(
    "idempotency_key message_key primary_key foreign_key sort_key unique_key config_key cache_key dedupe_key "
    "listen_address bind_address session_id_count".split()
)
_PLAIN_PARAMETERS = frozenset(
    "page pages page_no page_size pagesize per_page limit offset size count sort order order_by status state "
    "type since until from to start end start_time end_time updated_since updated_after created_after fields "
    "include format lang locale version v method id order_id product_id".split()
)
_NUMBERED = re.compile(
    r"(?:order|refund|product|review|record|trade|sku|run|page|tid|oid|订单|单号)"
    r"(?:[\s_]?(?:id|ids|no|number|号))?[\s:=#'\"(\[]*$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[\u4e00-\u9fff]+")

_URL = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]*://)(?P<user>[^\s/?#'\"<>]*@)")
_PARAMETER = re.compile(r"(?P<lead>[?&;])(?P<key>[^\s=&#?;'\"<>]{1,64})=(?P<value>[^\s&#'\"<>]*)")
_SCHEME = re.compile(
    r"\b([Bb]earer|BEARER|[Bb]asic|BASIC)\s+(?=\S*[0-9=_.]|\S*[a-z][A-Z]|\S{20})[\w.~+/=-]{6,}"
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")
_HEADER = re.compile(
    r"(?P<head>\b(?:proxy-)?authorization|\b(?:set-)?cookie)(?P<gap>['\"]?\s*[:=]\s*)"
    r"(?:'[^'\n]*'|\"[^\"\n]*\"|[^'\"\n,}]+)",
    re.IGNORECASE,
)
_PAIR = re.compile(
    r"(?P<quote>['\"]?)(?P<key>[A-Za-z\u4e00-\u9fff][\w.-]{0,63})(?P=quote)(?P<gap>\s*[=:：]\s*)"
    r"(?P<value>'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[^\s'\",;&)\]}]+)"
)
_EMAIL = re.compile(r"[\w.!#$%&*+/=?^`{|}~-]+@(?:[\w-]+\.)+[a-zA-Z\u4e00-\u9fff]{2,}")
_ID_CARD = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[0-9Xx](?![0-9A-Za-z])")
_CARD = re.compile(
    r"(?<![\d.-])(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|3[47]\d{2}|35\d{2}|6011|65\d{2}|62\d{2})"
    r"(?:[ -]?\d){11,15}(?![\d-])",
    re.ASCII,
)
_PHONE = re.compile(
    r"(?<![\w.+-])(?:"
    r"(?:(?:\+|00)86[ -]?)?1[3-9]\d(?:[ -]?\d{4}){2}"  # mainland mobile
    r"|\+[1-9]\d{0,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}"  # international
    r"|\(?0\d{2,3}\)?[ -]\d{7,8}"  # mainland landline
    r"|\(\d{3}\) ?\d{3}-\d{4}|\d{3}-\d{3}-\d{4}"  # North America
    r")(?![\d-])(?!\.\d)",
    re.ASCII,
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(key)]


def is_secret(key: str) -> bool:
    """Whether a value under this key is a secret, going by the key's words (`apiKey`, `x-auth-token`)."""
    words = _words(key)
    return "_".join(words) not in _PLAIN_KEYS and not _SECRET_WORDS.isdisjoint(words)


def is_contact(key: str) -> bool:
    """Whether a value under this key tells who or where a person is."""
    words = _words(key)
    joined = "_".join(words)
    if joined in _PLAIN_KEYS:
        return False
    if words and words[-1] == "name":
        return len(words) == 1 or not _PERSONS.isdisjoint(words)
    return not _CONTACT_WORDS.isdisjoint(words) or any(pair in joined for pair in _CONTACT_PAIRS)


class Redactor:
    """Takes secrets and contact data out of text and structures. Threads may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def add_secret(self, secret: str | SecretStr) -> None:
        """From now on this value is never shown, nor its forms in a URL, in JSON and in Base64.

        Values shorter than four characters are not registered: they are found in every text.
        """
        value = secret.get_secret_value() if isinstance(secret, SecretStr) else secret
        if len(value) < 4:
            return
        encoded = base64.b64encode(value.encode()).decode()
        forms = {
            value,
            quote(value),
            quote(value, safe=""),
            quote_plus(value),
            json.dumps(value)[1:-1],
            encoded,
        }
        with self._lock:
            self._secrets |= forms
            # A short value must stand alone, so that 1234 does not break every number that holds it.
            self._known = re.compile(
                "|".join(
                    re.escape(form) if len(form) >= 8 else rf"(?<!\w){re.escape(form)}(?!\w)"
                    for form in sorted(self._secrets, key=len, reverse=True)
                )
            )

    def text(self, text: str) -> str:
        """The text without secrets and contact data."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if len(text) < 4:
            return text
        if "://" in text:
            text = _URL.sub(rf"\g<scheme>{MASK}@", text)
        if "=" in text or ":" in text or "：" in text:
            text = _HEADER.sub(rf"\g<head>\g<gap>{MASK}", text)
            text = _PARAMETER.sub(_parameter, text)
            text = _PAIR.sub(_pair, text)
        text = _JWT.sub(MASK, _SCHEME.sub(rf"\1 {MASK}", text))
        if "@" in text:
            text = _EMAIL.sub("[email]", text)
        text = _ID_CARD.sub(_id_card, text)
        text = _CARD.sub(_card, text)
        return _PHONE.sub(_phone, text)

    def value(self, value: Any, key: str = "") -> Any:
        """The value, with what a key of this name must not show masked, inside structures too.

        Numbers, times, None and booleans keep their type; any other object becomes its text when that
        text held something to hide.
        """
        if value is None or isinstance(value, bool):
            return value
        if key and (is_secret(key) or is_contact(key)):
            return MASK if value != "" else value
        if isinstance(value, int | float | Decimal | date | timedelta | SecretStr):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {
                self.value(k) if isinstance(k, str) else k: self.value(v, str(k)) for k, v in value.items()
            }
        if isinstance(value, list | tuple | set | frozenset):
            members = [self.value(member) for member in value]
            return members if isinstance(value, list) else tuple(members)
        shown = str(value)
        hidden = self.text(shown)
        return value if hidden == shown and self.text(repr(value)) == repr(value) else hidden

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """A structlog processor. Put it last before the renderer, behind the one that formats exceptions."""
        if "exc_info" in event:
            event["exception"] = _traceback(event.pop("exc_info"))
        for key, value in event.items():
            event[key] = self.value(value, "" if key in _STRUCTLOG else key)
        return event


_STRUCTLOG = frozenset({"event", "level", "logger", "timestamp", "exception", "stack", "logger_name"})
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


class RedactingFilter(logging.Filter):
    """Redacts a record: message with its arguments, extras, exception and stack.

    Add it to every **handler**. On a logger it would not see the records of the loggers below.
    """

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        redactor = self._redactor
        if isinstance(record.msg, Mapping):
            record.msg = redactor(None, record.levelname, dict(record.msg))
        else:
            try:
                message = record.getMessage()
            except Exception:
                message = f"{record.msg} (its arguments do not fit)"
            record.msg, record.args = redactor.text(message), None
        if record.exc_info:
            # The formatter prints exc_text where there is one; the exception itself would be printed raw.
            record.exc_text = _traceback(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redactor.text(record.exc_text)
        if record.stack_info:
            record.stack_info = redactor.text(record.stack_info)
        for key, value in list(record.__dict__.items()):
            if key not in _STANDARD:
                record.__dict__[key] = redactor.value(value, key)
        return True


def _traceback(exc_info: Any) -> str:
    """The traceback of what logging accepts as `exc_info`, unless it is text already."""
    if isinstance(exc_info, BaseException):
        return "".join(traceback.format_exception(exc_info)).rstrip("\n")
    if isinstance(exc_info, tuple):
        return "".join(traceback.format_exception(*exc_info)).rstrip("\n")
    if exc_info is True:
        return traceback.format_exc().rstrip("\n")
    return str(exc_info or "")


def _parameter(match: re.Match[str]) -> str:
    key, value = match["key"], match["value"]
    plain = key.lower() in _PLAIN_PARAMETERS and re.fullmatch(r"[\w.:+,%-]{0,40}", value, re.ASCII)
    return match[0] if plain else f"{match['lead']}{key}={MASK}"


def _pair(match: re.Match[str]) -> str:
    """`token=abc`, `"phone": "138…"`, `name='…'`: a name in prose (`name: orders`) needs quotes to count."""
    key, value = match["key"], match["value"]
    quoted = bool(match["quote"]) or value[0] in "'\""
    if value.strip("'\"") in ("", "None", "null", "True", "False", "true", "false", MASK):
        return match[0]
    if is_secret(key) or (is_contact(key) and (quoted or _words(key)[-1] != "name")):
        mark = value[0] if value[0] in "'\"" else ""
        return f"{match['quote']}{key}{match['quote']}{match['gap']}{mark}{MASK}{mark}"
    return match[0]


def _is_numbered(match: re.Match[str]) -> bool:
    """Whether the text before calls these digits the number of an order or the like."""
    return _NUMBERED.search(match.string[max(0, match.start() - 24) : match.start()]) is not None


def _id_card(match: re.Match[str]) -> str:
    digits = match[0]
    check = sum(int(d) * w for d, w in zip(digits, _ID_WEIGHTS, strict=False)) % 11
    return "[id card]" if "10X98765432"[check] == digits[-1].upper() else digits


def _card(match: re.Match[str]) -> str:
    digits = [int(d) for d in match[0] if d.isdigit()][::-1]
    doubled = (d * 2 - 9 * (d > 4) for d in digits[1::2])
    if (sum(digits[::2]) + sum(doubled)) % 10 or _is_numbered(match):
        return match[0]
    return "[card]"


def _phone(match: re.Match[str]) -> str:
    digits = sum(c.isdigit() for c in match[0])
    return match[0] if digits < 8 or _is_numbered(match) else "[phone]"
