"""Signature version 3 of Alibaba Cloud (ACS3-HMAC-SHA256).

Source: https://help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from pydantic import SecretStr
from requests.auth import AuthBase

from crmsync.sdk import Clock

ALGORITHM = "ACS3-HMAC-SHA256"


class AcsAuth(AuthBase):
    """Signs each request anew: a nonce is good for one, and a time for fifteen minutes."""

    def __init__(
        self,
        key_id: str,
        secret: SecretStr,
        clock: Clock,
        nonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._key_id = key_id
        self._secret = secret
        self._clock = clock
        self._nonce = nonce

    def __call__(self, r: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(r.url or "")
        body = r.body or b""
        body = body.encode() if isinstance(body, str) else body
        r.headers.update(
            {
                "host": parts.netloc,
                "x-acs-date": f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ}",
                "x-acs-signature-nonce": self._nonce(),
                "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            }
        )
        query = parse_qsl(parts.query, keep_blank_values=True)
        names, signature = signed(
            r.method or "", parts.path, query, r.headers, self._secret.get_secret_value()
        )
        r.headers["Authorization"] = (
            f"{ALGORITHM} Credential={self._key_id},SignedHeaders={names},Signature={signature}"
        )
        return r


def signed(
    method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str], secret: str
) -> tuple[str, str]:
    """The names of the signed headers, and the signature over them. `headers` has the hash of the body."""
    chosen = sorted(
        (name.lower(), value.strip())
        for name, value in headers.items()
        if name.lower() in ("host", "content-type") or name.lower().startswith("x-acs-")
    )
    names = ";".join(name for name, _ in chosen)
    canonical = "\n".join(
        (
            method,
            path or "/",
            "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(query)),
            *(f"{name}:{value}" for name, value in chosen),
            "",
            names,
            dict(chosen)["x-acs-content-sha256"],
        )
    )
    told = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return names, hmac.new(secret.encode(), told.encode(), hashlib.sha256).hexdigest()


def _encoded(text: str) -> str:
    return quote(text, safe="~")
