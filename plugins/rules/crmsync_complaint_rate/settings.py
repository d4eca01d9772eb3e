"""What complaint_rate can be configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmsync.sdk import Settings, Share

Reading = Literal[
    "troubled_orders",
    "troubled_delivered",
    "refunded_orders",
    "bad_reviews",
    "poor_reviews",
    "troubled_inquiries",
]


class ComplaintRateSettings(Settings):
    """Whose rate, of what, and how sure."""

    subject: Literal["product", "shop", "agent"] = Field(
        default="product", description="Whose rate is watched."
    )
    reading: Reading | None = Field(
        default=None,
        description="What is counted per what; by default troubled orders per valid order, for agents"
        " troubled inquiries per inquiry.",
    )
    threshold: Share = Field(default=0.08, description="The rate that is still acceptable.")
    certainty: Share = Field(
        default=0.9, description="Flag when the true rate exceeds the threshold with this probability."
    )
    slack: Share = Field(
        default=0.1, description="A standing flag is kept until the probability falls this far below."
    )
    minimum: int = Field(
        default=5, ge=1, description="Fewer orders (reviews, inquiries) than this: no verdict."
    )
