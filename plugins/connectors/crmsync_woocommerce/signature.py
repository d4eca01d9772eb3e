"""How requests are signed: keys over https, OAuth 1.0a without a token over plain http."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable
from secrets import token_hex
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from crmsync.sdk import Clock

WOOCOMMERCE = "wp-json/wc/"
"""Where this stands in the URL, WooCommerce looks at the keys."""


class OnlyWooCommerce(AuthBase):
    """Signs what WooCommerce answers, and nothing else of the site.

    WordPress itself would take the keys in the header for an application password, and refuse them.
    """

    def __init__(self, keys: AuthBase) -> None:
        self._keys = keys

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._keys(r) if WOOCOMMERCE in (r.url or "") else r


class QueryKeys(AuthBase):
    """Both keys as parameters of the URL, for hosts that drop the Authorization header."""

    def __init__(self, key: SecretStr, secret: SecretStr) -> None:
        self._key = key
        self._secret = secret

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        keys = {
            "consumer_key": self._key.get_secret_value(),
            "consumer_secret": self._secret.get_secret_value(),
        }
        r.prepare_url(r.url or "", keys)
        return r


class OneLeggedOAuth(AuthBase):
    """OAuth 1.0a (RFC 5849) with HMAC-SHA256 and no token: over plain http WooCommerce takes nothing else.

    The shop accepts a nonce once, and a timestamp that is at most 15 minutes off its own clock.
    """

    def __init__(self, key: SecretStr, secret: SecretStr, clock: Clock) -> None:
        self._key = key
        self._secret = secret
        self._clock = clock

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(r.url or "")
        pairs = [
            *parse_qsl(str(parts.query), keep_blank_values=True),
            ("oauth_consumer_key", self._key.get_secret_value()),
            ("oauth_nonce", token_hex(16)),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", str(int(self._clock.now().timestamp()))),
        ]
        place = str(urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")))
        base = "&".join(map(_encoded, (r.method or "GET", place, _normalized(pairs))))
        secret = f"{_encoded(self._secret.get_secret_value())}&"
        digest = hmac.new(secret.encode(), base.encode(), hashlib.sha256).digest()
        pairs.append(("oauth_signature", b64encode(digest).decode()))
        r.url = f"{place}?{urlencode(pairs, safe='/', quote_via=quote)}"
        return r


def _normalized(pairs: Iterable[tuple[str, str]]) -> str:
    """The parameters as RFC 5849 (3.4.1.3.2) wants them signed: encoded, then sorted."""
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(text, safe="~")
