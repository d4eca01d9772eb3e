"""What cross_sell can be configured with."""

from __future__ import annotations

from pydantic import Field

from crmsync.sdk import Settings, Share


class CrossSellSettings(Settings):
    """How often together, and how far beyond chance."""

    together: int = Field(default=10, ge=2, description="Fewer orders with both products: no pair.")
    support: Share = Field(
        default=0.001, description="The share of the shop's orders that must hold both products."
    )
    confidence: Share = Field(
        default=0.1, description="The share of orders with the one that must hold the other as well."
    )
    lift: float = Field(
        default=2.0, gt=1, description="So many times as often as by chance, even at the interval's low end."
    )
    high: Share = Field(default=0.5, description="Level high: this confidence.")
    slack: Share = Field(
        default=0.2, description="A standing flag is kept until lift or confidence is this far below."
    )
    shown: int = Field(default=3, ge=1, le=20, description="How many companions the reasons name.")
