"""What vip can be configured with."""

from __future__ import annotations

from pydantic import Field, field_validator

from crmsync.sdk import Settings, Share


class VipSettings(Settings):
    """The pyramid: tiers by share of customers."""

    tiers: dict[str, Share] = Field(
        default={"top": 0.01, "key": 0.2},
        description="Each tier's share of all buyers, counted from the one who spends most.",
    )
    slack: Share = Field(
        default=0.1, description="A standing flag is kept until spend falls this far below the lowest tier."
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
