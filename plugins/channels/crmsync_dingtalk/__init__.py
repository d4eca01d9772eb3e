"""Notices to the team go out by a DingTalk robot."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import TeamChannel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[TeamChannel[Any]]]:
    from crmsync_dingtalk.channel import DingtalkChannel

    return [DingtalkChannel]
