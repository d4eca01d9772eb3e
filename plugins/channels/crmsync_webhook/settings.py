"""What a webhook can be configured with."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from crmsync.sdk import Rate, Settings
from crmsync.sdk.records import Medium

MIN_SECRET_BYTES = 24


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.username or parts.password:
        raise ValueError("a webhook's URL names a host, and no user or password")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("a webhook's URL begins with https:// (http:// only on this machine)")
    return url


def _check_secret(secret: SecretStr) -> SecretStr:
    if len(secret_bytes(secret)) < MIN_SECRET_BYTES:
        raise ValueError(f"the secret is shorter than {MIN_SECRET_BYTES} bytes")
    return secret


def secret_bytes(secret: SecretStr) -> bytes:
    """The key itself: what follows `whsec_`, decoded from base64. Raises ValueError when it is none."""
    try:
        return base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("the secret is base64, with or without whsec_ before it") from None


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WebhookSettings(Settings):
    """Where messages go and how they are signed."""

    url: Annotated[str, AfterValidator(_check_url)] = Field(description="Where each message is posted to.")
    secret: Annotated[SecretStr, AfterValidator(_check_secret)] = Field(
        description="The signing key: whsec_ and at least 24 bytes in base64."
    )
    medium: Medium = Field(
        "webhook", description="By what the customer is reached in the end; consent must cover it."
    )
    contact: bool = Field(False, description="Include the customer's name, e-mail and phone.")
    rate: Rate | None = Field(None, description="How often it may be called, such as 10/s.")
