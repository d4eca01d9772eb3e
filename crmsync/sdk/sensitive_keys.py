"""Which keys hold secrets or contact data, going by the words they are made of."""

from __future__ import annotations

import re

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
    "listen_address bind_address".split()
)
_PLAIN_TAILS = frozenset("count total at until expires ttl ms seconds bytes type kind set left".split())
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[\u4e00-\u9fff]+")


def _words(key: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(key)]


def is_secret(key: str) -> bool:
    """Whether a value under this key is a secret, going by the key's words (`apiKey`, `x-auth-token`)."""
    words = _words(key)
    return not _is_plain(words) and not _SECRET_WORDS.isdisjoint(words)


def is_contact(key: str) -> bool:
    """Whether a value under this key tells who or where a person is."""
    words = _words(key)
    if _is_plain(words):
        return False
    if words and words[-1] == "name":
        return len(words) == 1 or not _PERSONS.isdisjoint(words)
    return not _CONTACT_WORDS.isdisjoint(words) or any(pair in "_".join(words) for pair in _CONTACT_PAIRS)


def _is_plain(words: list[str]) -> bool:
    return "_".join(words) in _PLAIN_KEYS or (len(words) > 1 and words[-1] in _PLAIN_TAILS)
