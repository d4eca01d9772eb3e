"""What churn_risk can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from crmsync.sdk import Duration, Settings, Share


class ChurnRiskSettings(Settings):
    """How sure, and how far ahead."""

    horizon: Duration = Field(
        default=timedelta(days=90), description="How far ahead a customer is expected to buy again."
    )
    model: Literal["mbgnbd", "bgnbd"] = Field(
        default="mbgnbd", description="The purchase model; bgnbd holds one-time buyers to be alive."
    )
    high: Share = Field(default=0.9, description="Level high: at least this chance of no purchase.")
    medium: Share = Field(default=0.75, description="Level medium: at least this chance of no purchase.")
    slack: Share = Field(
        default=0.05, description="A standing flag is kept until the chance falls this far below `medium`."
    )
    minimum_customers: int = Field(default=100, ge=1, description="Fewer buyers than this: no verdict.")
    minimum_history: Duration = Field(
        default=timedelta(days=60), description="A shorter history than this: no verdict."
    )
    minimum_repeat_buyers: int = Field(
        default=10, ge=1, description="Fewer customers than this who bought twice: no verdict."
    )
