"""What a connection to a Vendure server is configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr

from crmsync.sdk import Duration, Rate, Settings, Url
from crmsync.sdk.records import OrderStatus


class VendureSettings(Settings):
    url: Url = Field(description="Where the Admin API is.", examples=["https://shop.example.com/admin-api"])
    api_key: SecretStr = Field(description="An API key of the shop.")
    channel: str | None = Field(
        None, description="The token of the channel to read; without it the default channel."
    )
    states: dict[str, OrderStatus] = Field(
        {}, description="What order states of the shop's own mean, such as {ReadyToCollect: shipped}."
    )
    refunds_within: Duration = Field(
        timedelta(days=180), description="How old an order may be for its refunds to be noticed."
    )
    proven_addresses: bool = Field(
        False, description="Whether customers must prove their e-mail address (requireVerification)."
    )
    tag_field: Annotated[str, Field(pattern="^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="The custom field of customers that holds tags: a string, list: true."
    )
    page_size: int = Field(100, ge=1, le=1000, description="Records per page; Vendure gives up to 1000.")
    rate: Rate | None = Field(None, description="How often the server may be called; unlimited by default.")
