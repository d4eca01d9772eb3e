"""What a connection to a Medusa server is configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr

from crmsync.sdk import Duration, Rate, Settings, Url


class MedusaSettings(Settings):
    base_url: Url = Field(
        description="Where the Medusa server is, without /admin.", examples=["https://shop.example.com"]
    )
    api_key: SecretStr = Field(description="A secret API key of the shop: sk_….")
    reviews: bool = Field(
        False, description="Whether the server has the plugin @lambdacurry/medusa-product-reviews."
    )
    replies_within: Duration = Field(
        timedelta(days=30), description="How old a review may be for an answer of the shop to be noticed."
    )
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = Field(
        None, description="Which of a product's prices is read; without it the first."
    )
    page_size: int = Field(50, ge=1, le=1000, description="Records per page.")
    rate: Rate | None = Field(None, description="How often the server may be called; unlimited by default.")
