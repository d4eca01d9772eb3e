"""What a webhook can be configured with."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from crmsync.sdk import Rate, Settings, Url
from crmsync.sdk.records import Medium

MIN_SECRET_BYTES = 24


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


class WebhookSettings(Settings):
    """Where messages go and how they are signed."""

    url: Url = Field(description="Where each message is posted to.")
    secret: Annotated[SecretStr, AfterValidator(_check_secret)] = Field(
        description="The signing key: whsec_ and at least 24 bytes in base64."
    )
    previous_secret: Annotated[SecretStr, AfterValidator(_check_secret)] | None = Field(
        None, description="The key before this one: both sign until the receiver knows the new one."
    )
    medium: Medium = Field(
        "webhook", description="By what the customer is reached in the end; consent must cover it."
    )
    contact: bool = Field(False, description="Include the customer's name, e-mail and phone.")
    rate: Rate | None = Field(None, description="How often it may be called, such as 10/s.")
