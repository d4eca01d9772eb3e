"""How long what tells of customers is kept."""

from __future__ import annotations

from pydantic import Field

from crmsync.config.part import Part
from crmsync.sdk import Duration


class Retention(Part):
    """How long what tells of customers is kept, each for itself; what is left out is kept until they are
    erased. Reading everything again brings nothing back that has expired."""

    contact: Duration | None = Field(
        None,
        description="Name, e-mail, phone, birthday, region and city of an account, after its last order was "
        "delivered; without orders, after it became known.",
    )
    review_text: Duration | None = Field(
        None, description="Title and text of a review, after it was written; its stars and topic stay."
    )
    refund_reason: Duration | None = Field(
        None, description="The reason of a refund in the customer's words, after they asked for it."
    )
    message_text: Duration | None = Field(
        None, description="Subject and text of a message, after its last change; one that is open keeps them."
    )
    case_notes: Duration | None = Field(None, description="The notes of a case, after it was closed.")
    quarantine_payload: Duration | None = Field(
        None, description="The payload of a record in quarantine, after it was first rejected."
    )
