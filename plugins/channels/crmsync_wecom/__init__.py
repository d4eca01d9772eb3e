"""Messages go out by WeCom: to customers by their contact at the shop, to the team by a group robot."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, TeamChannel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any] | TeamChannel[Any]]]:
    from crmsync_wecom.channel import WecomChannel
    from crmsync_wecom.robot import WecomRobot

    return [WecomChannel, WecomRobot]
