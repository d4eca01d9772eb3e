"""What complaint can be configured with."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from crmsync.sdk import Duration, Settings

Type = Literal["product", "logistics", "service", "contract", "other"]


class ComplaintSettings(Settings):
    """How long a trouble concerns anybody, and what makes it serious."""

    within: Duration = Field(
        default=timedelta(days=30), description="A trouble older than this raises no flag, and keeps none."
    )
    refunds: bool = Field(
        default=False, description="A refund without a complaint type is a trouble too; a return always is."
    )
    serious_types: list[Type] = Field(
        default=["contract"], description="Complaints of these types are serious at once."
    )
    serious_kinds: int = Field(
        default=2,
        ge=2,
        le=3,
        description="Serious too: so many of complaint, bad review and refund within the time.",
    )
    serious_before: int = Field(
        default=2, ge=1, description="Serious too: so many troubles before, however long ago."
    )
