"""What loyalty can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from crmsync.sdk import Duration, Settings


class LoyaltySettings(Settings):
    """How many of the five features, and what each takes."""

    medium: int = Field(default=3, ge=1, le=5, description="Level medium: so many of the five features.")
    high: int = Field(default=4, ge=1, le=5, description="Level high: so many of the five features.")
    purchases: int = Field(default=4, ge=3, description="Regular buying takes so many purchases at least.")
    categories: int = Field(
        default=2, ge=2, description="Cross-buying: so many categories, or more products where none is known."
    )
    years: Duration = Field(
        default=timedelta(days=365), description="Staying takes so long a time as a customer."
    )
    horizon: Duration = Field(
        default=timedelta(days=180), description="How far ahead a backtest asks who bought again."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.high < self.medium:
            raise ValueError("high must not be below medium")
        return self
