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

from crmsync.sdk.sensitive_keys import is_contact, is_secret

MASK = "[redacted]"

_PLAIN_PARAMETERS = frozenset(
    "page pages page_no page_size pagesize per_page limit offset size count sort order order_by status state "
    "type since until from to start end start_time end_time updated_since updated_after created_after fields "
    "include format lang locale version v method id order_id product_id".split()
)
_NUMBERED = re.compile(
    r"(?:orders?|refunds?|products?|reviews?|records?|trades?|skus?|runs?|pages?|tid|oid|订单|单号)"
    r"(?:[\s_]?(?:id|ids|no|number|号))?[\s:=#'\"(\[]*$",
    re.IGNORECASE,
)

_URL = re.compile(r"(?P<scheme>\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://)(?P<user>[^\s/?#'\"<>]{0,512}@)")
_PARAMETER = re.compile(r"(?P<lead>[?&])(?P<key>[^\s=&#?;'\"<>]{1,64})=(?P<value>[^\s&#'\"<>]*)")
_SCHEME = re.compile(
    r"\b([Bb]earer|BEARER|[Bb]asic|BASIC)\s+(?![A-Za-z_]+=[^=\s])"
    r"(?=\S*[0-9=_.]|\S*[a-z][A-Z]|\S{20})[\w.~+/=-]{6,}"
)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?")
_HEADER = re.compile(
    r"(?P<head>\b(?:proxy-)?authorization|\b(?:set-)?cookie)(?P<gap>['\"]?\s*[:=]\s*)"
    r"(?:'[^'\n]*'|\"[^\"\n]*\"|[^'\"\n,}]+)",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"(?P<quote>\\*['\"]|)(?P<key>[A-Za-z\u4e00-\u9fff][\w.-]{0,63})(?<!\.py)(?P=quote)(?P<gap>\s*[=:：]\s*)"
)
_VALUE = re.compile(
    r"(?P<mark>\\*['\"])(?:(?P<inner>.*?)(?<!\\)(?P=mark)|.*)"
    r"|(?P<mask>\[[a-z ]+\])"
    r"|(?P<bracket>[\[({])(?:[^\[\](){}\n]*[\])}]|.*[\])}])"
    r"|[^\s'\",;&)\]}]{1,4096}"
)
_EMAIL = re.compile(r"[\w.!#$%&*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[a-zA-Z\u4e00-\u9fff]{2,24}")
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
_EMPTY = frozenset({"", "None", "null", "True", "False", "true", "false", "[]", "()", "{}", MASK})
_LIKE_DATA = re.compile(r"[\d@A-Z]|[^\x00-\x7f]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


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
            text = _pairs(text)
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
        try:
            self._redact(record)
        except Exception as error:
            # Rather a line less than a secret more; and logging must never break what it reports on.
            for key in record.__dict__.keys() - _STANDARD:
                del record.__dict__[key]
            record.msg, record.args = f"(a record that could not be redacted: {type(error).__name__})", None
            record.exc_info = record.exc_text = record.stack_info = None
        return True

    def _redact(self, record: logging.LogRecord) -> None:
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


def _pairs(text: str) -> str:
    """Masks `token=abc`, `"phone": "138…"`, `Customer(name='…')`, however deep in other values."""
    parts = []
    done = at = 0
    while (key := _KEY.search(text, at)) is not None:
        at = key.end()
        if not is_secret(key["key"]) and not is_contact(key["key"]):
            continue
        value = _VALUE.match(text, at)
        if value is None or not _hides(key, value):
            continue
        mark = value["mark"] or ""
        parts += [text[done:at], mark, MASK, mark]
        done = at = value.end()
    return "".join([*parts, text[done:]])


def _hides(pair: re.Match[str], match: re.Match[str]) -> bool:
    """Whether `key=value` in a text must be masked. Prose must not: `name: orders`, `unknown key: 'x'`."""
    key = pair["key"]
    value = match["inner"] if match["inner"] is not None else match[0]
    if match["mask"] or value in _EMPTY:
        return False
    if is_secret(key):
        return key.lower() != "key" or bool(pair["quote"]) or "=" in pair["gap"]
    if pair["quote"] or match["mark"] or match["bracket"]:
        return True
    return not key.lower().endswith("name") and _LIKE_DATA.search(value) is not None


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
