"""What vip can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from crmsync.sdk import Duration, Settings, Share


class Points(Settings):
    """What a customer earns points for."""

    spent: float = Field(default=1.0, ge=0, description="Points for each unit of net spend (1 yuan, 1 euro).")
    order: float = Field(default=0.0, ge=0, description="Points for each valid order.")
    review: float = Field(default=0.0, ge=0, description="Points for each review, whatever it says.")


class VipSettings(Settings):
    """Tiers by share of customers (a pyramid), or fixed grades, and what a customer counts by."""

    by: Literal["net", "forecast", "points"] = Field(
        default="net",
        description="Net spend, the value forecast for the next `horizon`, or points.",
    )
    tiers: dict[str, Share] = Field(
        default={"top": 0.01, "key": 0.2},
        description="Each tier's share of all buyers, counted from the one who counts most.",
    )
    grades: dict[str, float] = Field(
        default={},
        description="Fixed grades in place of tiers: from how much net spend or forecast (in units of"
        " `currency`) or how many points on.",
    )
    currency: str | None = Field(
        default=None, description="The currency of `grades` in money; customers of others have no grade."
    )
    points: Points = Field(default=Points(), description="What earns points, where `by` is points.")
    horizon: Duration = Field(default=timedelta(days=365), description="How far ahead the forecast looks.")
    discount: Share = Field(default=0.1, description="The forecast's discount a year.")
    margin: Share = Field(default=1.0, description="What the shop keeps of an order, for the forecast.")
    slack: Share = Field(
        default=0.1, description="A standing tier is kept until its customer is this far below its cut-off."
    )
    ordinary: bool = Field(
        default=False,
        description="Give every other buyer the state `ordinary`, level low: nobody is simply dropped.",
    )
    minimum_customers: int = Field(
        default=50, ge=1, description="Fewer buyers in a currency than this: no tiers."
    )

    @field_validator("tiers")
    @classmethod
    def _some(cls, tiers: dict[str, float]) -> dict[str, float]:
        if not tiers or not all(0 < share < 1 for share in tiers.values()):
            raise ValueError("tiers need a name and a share of customers between 0 and 1 each: top: 1%")
        return tiers

    @model_validator(mode="after")
    def _money_has_a_currency(self) -> Self:
        if any(least <= 0 for least in self.grades.values()):
            raise ValueError("a grade begins above 0: gold: 5000")
        if self.grades and self.by != "points" and not self.currency:
            raise ValueError("grades in money need their currency: CNY")
        return self
