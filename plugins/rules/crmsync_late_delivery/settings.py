"""What late_delivery can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from crmsync.sdk import Duration, Settings


class LateDeliverySettings(Settings):
    """How late is late."""

    grace: Duration = Field(
        default=timedelta(hours=1), description="How long after the promised time a flag is raised."
    )
    high: Duration = Field(default=timedelta(days=3), description="Level high: so long after it.")
    forget: Duration = Field(
        default=timedelta(days=60),
        description="An order so long overdue was delivered or given up without our being told: no flag.",
    )
    horizon: Duration = Field(
        default=timedelta(days=30), description="How far ahead a backtest looks for bad reviews."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.grace <= self.high < self.forget:
            raise ValueError("grace, high and forget must be in this order")
        return self
