"""Notices to the team go out by a Feishu robot."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import TeamChannel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[TeamChannel[Any]]]:
    from crmsync_feishu.channel import FeishuChannel

    return [FeishuChannel]
