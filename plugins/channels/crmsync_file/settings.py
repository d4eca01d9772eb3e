"""What the file channel can be configured with."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from crmsync.sdk import Settings
from crmsync.sdk.records import Medium


class FileSettings(Settings):
    """Which file, and what its reader makes of it."""

    path: Path = Field(description="The JSON Lines file that messages are added to.")
    medium: Medium = Field(
        "any", description="By what the customer is reached in the end; consent must cover it."
    )
    contact: bool = Field(False, description="Include the customer's name, e-mail and phone.")
