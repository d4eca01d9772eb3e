"""What a connection to the built-in shop is configured with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from crmsync.sdk import Rate, Settings


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("the shop's address begins with http:// or https://")
    return url.rstrip("/")


class DemoSettings(Settings):
    base_url: Annotated[str, AfterValidator(_web_address)] = Field(
        description="Where the shop's API is.", examples=["http://127.0.0.1:8800"]
    )
    client_id: str = Field("demo", description="The id of the shop's OAuth client.")
    client_secret: SecretStr = Field(description="The secret of the shop's OAuth client.")
    webhook_secret: SecretStr | None = Field(
        None, description="The secret under which the shop signs its events; without it none is believed."
    )
    page_size: int = Field(250, ge=1, le=250, description="Records per page; the shop gives up to 250.")
    rate: Rate | None = Field(None, description="How often the shop may be called; unlimited by default.")
    idempotency: Literal["key", "lookup", "none"] = Field(
        "key", description="What the shop does with a message whose key it has seen; as the shop is set up."
    )
