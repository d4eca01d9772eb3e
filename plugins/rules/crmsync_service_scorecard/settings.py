"""What service_scorecard can be configured with."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from crmsync.sdk import Settings

Side = Literal["attendance", "performance", "ability", "attitude"]


class ServiceScorecardSettings(Settings):
    """What each side weighs, and what is good or weak."""

    weights: dict[Side, float] = Field(
        default={"attendance": 10, "performance": 40, "ability": 25, "attitude": 25},
        description="What each side weighs; a side without evidence is left out.",
    )
    good: float = Field(default=60, gt=50, le=100, description="State good: a score of so much.")
    weak: float = Field(default=40, ge=0, lt=50, description="State weak, level medium: a score below.")
    very_weak: float = Field(default=30, ge=0, lt=50, description="Level high: a score below.")
    slack: float = Field(default=3, ge=0, description="A standing state is kept within so many points.")
    minimum: int = Field(
        default=20, ge=1, description="Fewer orders, reviews or inquiries: what they tell is left out."
    )
    minimum_agents: int = Field(
        default=3, ge=3, description="A team's median takes so many agents with evidence."
    )

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if any(weight < 0 for weight in self.weights.values()) or not any(self.weights.values()):
            raise ValueError("weights are 0 or more, and one of them is more")
        if self.very_weak > self.weak:
            raise ValueError("very_weak must not be above weak")
        return self
