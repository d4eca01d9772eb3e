"""What complaint_rate can be configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crmsync.sdk import Settings, Share

Reading = Literal[
    "troubled_orders",
    "troubled_delivered",
    "refunded_orders",
    "returns",
    "exchanges",
    "bad_reviews",
    "poor_reviews",
    "complaints",
    "product_complaints",
    "logistics_complaints",
    "service_complaints",
    "contract_complaints",
    "suggestions",
    "late_orders",
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
    rise: Share = Field(
        default=0.05,
        description="How likely a false alarm of a sudden rise may be, over all subjects; 0 watches for none."
        " Readings of troubled orders only.",
    )
    rise_weeks: int = Field(
        default=4, ge=1, le=13, description="So many weeks are compared with the up to half a year before."
    )
    fault_reports: int = Field(
        default=5, ge=2, description="A recurring fault takes so many complaints of one type."
    )
    fault_factor: float = Field(
        default=3.0, gt=1, description="And a rate of them beyond so many times what is usual here."
    )
