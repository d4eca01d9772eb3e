"""Notices to the team go out by any service that Apprise knows."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import TeamChannel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[TeamChannel[Any]]]:
    from crmsync_apprise.channel import AppriseChannel

    return [AppriseChannel]
