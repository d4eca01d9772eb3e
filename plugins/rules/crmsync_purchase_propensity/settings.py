"""What purchase_propensity can be configured with."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from crmsync.sdk import Duration, Settings, Share


class PurchasePropensitySettings(Settings):
    """How likely, how soon."""

    horizon: Duration = Field(default=timedelta(days=30), description="How far ahead.")
    high: Share = Field(default=0.7, description="Level high: at least this chance of a purchase.")
    medium: Share = Field(default=0.5, description="Level medium: at least this chance of a purchase.")
    slack: Share = Field(
        default=0.05, description="A standing flag is kept until the chance falls this far below `medium`."
    )
    minimum_customers: int = Field(
        default=200, ge=50, description="Fewer who had bought one horizon ago: no verdict."
    )
    minimum_of_each: int = Field(
        default=30, ge=10, description="Fewer who bought since, or fewer who did not: no verdict."
    )
