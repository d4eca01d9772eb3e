"""How a platform signs the events it sends; the host verifies them, so that no connector can forget to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pydantic import SecretStr

from crmsync.sdk.errors import ConfigError

Encoding = Literal["base64", "hex"]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request as it arrived: the names of headers in lower case, the body byte for byte."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def _body(request: WebhookRequest) -> bytes:
    return request.body


def _no_time(request: WebhookRequest) -> datetime | None:
    return None


def _no_ping(request: WebhookRequest) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """HMAC-SHA256 under one of the secrets; two of them are live while one is being replaced.

    `header` holds the signature, `prefix` what stands before it there, `separator` what stands between
    several. `signed` gives the bytes that were signed. `sent_at` gives the time the platform signed, if it
    signs one: an event from another time is then refused. `streams` names the streams an event speaks of;
    none, and nothing is pulled. `is_ping` knows the unsigned request by which some platforms try an address.
    """

    secrets: Sequence[SecretStr]
    header: str
    streams: Callable[[WebhookRequest], Collection[str]]
    encoding: Encoding = "base64"
    prefix: str = ""
    separator: str | None = None
    signed: Callable[[WebhookRequest], bytes] = _body
    sent_at: Callable[[WebhookRequest], datetime | None] = _no_time
    is_ping: Callable[[WebhookRequest], bool] = _no_ping
    secret_bytes: Callable[[str], bytes] = str.encode

    def __post_init__(self) -> None:
        if not self.secrets or not all(secret.get_secret_value() for secret in self.secrets):
            raise ConfigError(
                "A webhook without a secret would believe anybody.", fix="Give the platform's secret."
            )

    def genuine(self, request: WebhookRequest) -> bool:
        """Whether one of the secrets signed it."""
        signed = self.signed(request)
        given = list(self._given(request))
        expected = [
            hmac.new(self.secret_bytes(secret.get_secret_value()), signed, hashlib.sha256).digest()
            for secret in self.secrets
        ]
        return any(hmac.compare_digest(mac, own) for mac in given for own in expected)

    def _given(self, request: WebhookRequest) -> Iterator[bytes]:
        value = request.headers.get(self.header.lower(), "")
        for one in value.split(self.separator) if self.separator else [value]:
            if not one.startswith(self.prefix):
                continue
            text = one.removeprefix(self.prefix)
            try:
                mac = bytes.fromhex(text) if self.encoding == "hex" else base64.b64decode(text, validate=True)
            except (ValueError, binascii.Error):
                continue
            # The same signature written otherwise is no signature of the platform's.
            if (mac.hex() if self.encoding == "hex" else base64.b64encode(mac).decode()) == text:
                yield mac


def standard_webhook(
    secrets: Sequence[SecretStr], streams: Callable[[WebhookRequest], Collection[str]]
) -> Webhook:
    """A platform that follows Standard Webhooks 1.0: the signature covers `id.timestamp.body`."""
    return Webhook(
        secrets=secrets,
        header="webhook-signature",
        prefix="v1,",
        separator=" ",
        streams=streams,
        signed=_standard_content,
        sent_at=_standard_time,
        secret_bytes=_standard_secret,
    )


def _standard_content(request: WebhookRequest) -> bytes:
    headers = request.headers
    return f"{headers.get('webhook-id', '')}.{headers.get('webhook-timestamp', '')}.".encode() + request.body


def _standard_time(request: WebhookRequest) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(request.headers["webhook-timestamp"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return datetime.min.replace(tzinfo=UTC)


def _standard_secret(secret: str) -> bytes:
    """`whsec_` and base64, as the standard writes them; anything else is taken as it stands."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ConfigError(
            "A webhook's secret begins with whsec_ and is not base64.", fix="Copy it again from the platform."
        ) from None
