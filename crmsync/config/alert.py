"""What the team is told, and by which channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from crmsync.config.part import Language, Part
from crmsync.sdk import Duration

AlertKind = Literal[
    "connection_failed",
    "stream_behind",
    "records_rejected",
    "breaker_open",
    "rate_over_threshold",
    "approval_waiting",
    "message_unknown",
]
"""`connection_failed`: the last run of one of its streams stored nothing. `stream_behind`: no run has
reached the platform's end for three of its intervals. `records_rejected`: records are in quarantine.
`breaker_open`: a channel is left alone because its last attempts failed. `rate_over_threshold`: a rule's flag
stands on a product, a shop or an agent. `approval_waiting`: messages wait for a person to approve them.
`message_unknown`: only a person can tell whether messages arrived."""


class AlertConfig(Part):
    """What one channel tells the team."""

    channel: str = Field(description="The id of a channel to the team.")
    on: Annotated[list[AlertKind], Field(min_length=1)] = Field(description="What it is told of.")
    after: Duration = Field(timedelta(0), description="How long a trouble stands before it is told.")
    repeat: Duration | None = Field(
        timedelta(hours=6), description="How often one that stands on is told again; null for never."
    )
    language: Language | None = Field(None, description="The language of its notices; else the file's.")
