"""What lifecycle can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from crmsync.sdk import Duration, Settings, Share


class LifecycleSettings(Settings):
    """Stage or type, and where one ends and the next begins."""

    view: Literal["stage", "type"] = Field(
        default="stage", description="`stage` of the relation, or `type` of customer."
    )
    exploration: int = Field(
        default=2, ge=1, description="Stage: up to this many purchases, a customer is trying the shop."
    )
    settled_purchases: int = Field(
        default=4, ge=3, description="So many purchases at least are stable (stage) or loyal (type)."
    )
    settled_after: Duration = Field(
        default=timedelta(days=180), description="And so long since the first one, bought regularly."
    )
    alive: Share = Field(
        default=0.5, description="Stage: decline begins where the chance of still being a customer is below."
    )
    slack: Share = Field(
        default=0.1, description="A standing decline is kept until the chance is this far above `alive`."
    )
    spend_drop: Share = Field(
        default=0.5,
        description="Decline too: the last three orders are worth this share less than all on average.",
    )
    lost_after: Duration = Field(
        default=timedelta(days=180),
        description="Type: lost after so long without a purchase; who buys again after it is won back.",
    )
    gone_after: Duration = Field(
        default=timedelta(days=730), description="Type: after so long a lost one is no customer any more."
    )
    minimum_customers: int = Field(
        default=100, ge=1, description="Fewer buyers: decline goes by `lost_after`, not by a model."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.gone_after <= self.lost_after:
            raise ValueError("gone_after must be longer than lost_after")
        return self
