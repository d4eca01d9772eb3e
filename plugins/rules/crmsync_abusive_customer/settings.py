"""What abusive_customer can be configured with."""

from __future__ import annotations

from pydantic import Field

from crmsync.sdk import Settings, Share


class AbusiveCustomerSettings(Settings):
    """How often is too often, and how sure."""

    refunds: Share = Field(
        default=0.5, description="The share of delivered orders refunded afterwards that is still acceptable."
    )
    bad_reviews: Share = Field(default=0.5, description="The share of a customer's reviews that may be bad.")
    certainty: Share = Field(
        default=0.95, description="Flag when the true share is above with this probability."
    )
    slack: Share = Field(
        default=0.1, description="A standing flag is kept until the probability falls this far below."
    )
    minimum: int = Field(
        default=4, ge=3, description="Fewer refunds after delivery, or bad reviews, than this: no verdict."
    )
