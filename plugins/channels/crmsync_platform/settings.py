"""What the platform channel can be configured with."""

from __future__ import annotations

from pydantic import Field

from crmsync.sdk import Settings


class PlatformSettings(Settings):
    """Nothing is required: the connection of each customer knows how to reach its platform."""

    max_length: int | None = Field(
        None, gt=0, description="The longest text the platform takes, in characters."
    )
