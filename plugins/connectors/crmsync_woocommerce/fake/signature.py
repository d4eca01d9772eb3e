"""Who is asking: keys over https, one-legged OAuth 1.0a over plain http, and nobody otherwise."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from urllib.parse import quote

from crmsync_woocommerce.fake.shop import Shop

WINDOW = 15 * 60


class Refused(Exception):
    """A 401, with its code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = f"woocommerce_rest_{code}"
        self.message = message


ANONYMOUS = Refused("cannot_view", "Sorry, you cannot list resources.")


class Gate:
    """Lets the holder of the shop's key in."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._nonces: set[str] = set()

    def admit(self, method: str, url: str, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """Raises Refused. WooCommerce looks at the keys only where its own path stands in the URL."""
        if not any("wp-json/wc/" in text for text in (url, *query.values())):
            raise ANONYMOUS
        if self._shop.secure:
            self._keys(query, headers)
        else:
            self._oauth(method, url, query)
        if method != "GET" and not self._shop.writable:
            raise Refused("authentication_error", "The API key provided does not have write permissions.")

    def _keys(self, query: Mapping[str, str], headers: Mapping[str, str]) -> None:
        key, secret = query.get("consumer_key", ""), query.get("consumer_secret", "")
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        if scheme == "Basic":
            key, _, secret = b64decode(encoded).decode().partition(":")
        if key != self._shop.key:
            raise ANONYMOUS
        if secret != self._shop.secret:
            raise Refused("authentication_error", "Consumer secret is invalid.")

    def _oauth(self, method: str, url: str, query: Mapping[str, str]) -> None:
        if query.get("oauth_consumer_key") != self._shop.key:
            raise ANONYMOUS
        if abs(int(query["oauth_timestamp"]) - self._shop.now.timestamp()) > WINDOW:
            raise Refused("authentication_error", "Invalid timestamp.")
        if query["oauth_nonce"] in self._nonces:
            raise Refused("authentication_error", "Invalid nonce - nonce has already been used.")
        self._nonces.add(query["oauth_nonce"])
        # Sorted by name, then joined with both signs encoded once more, as the plugin does it.
        pairs = sorted(
            (_raw(name), _raw(value)) for name, value in query.items() if name != "oauth_signature"
        )
        joined = "%26".join(f"{_raw(name)}%3D{_raw(value)}" for name, value in pairs)
        text = f"{method}&{_raw(url)}&{joined}"
        algorithm = query["oauth_signature_method"].removeprefix("HMAC-").lower()
        digest = hmac.digest(f"{self._shop.secret}&".encode(), text.encode(), algorithm)
        if not hmac.compare_digest(b64encode(digest).decode(), query["oauth_signature"]):
            raise Refused("authentication_error", "Invalid signature - provided signature does not match.")


def _raw(text: str) -> str:
    return quote(text, safe="-_.~")
