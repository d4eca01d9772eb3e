"""What Apprise can be configured with."""

from __future__ import annotations

from pydantic import Field, SecretStr

from crmsync.sdk import Settings


class AppriseSettings(Settings):
    """Which service."""

    url: SecretStr = Field(description="An Apprise URL, such as tgram://TOKEN/CHAT or ntfys://TOPIC.")
