"""Messages go out by a WeChat official account."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any]]]:
    from crmsync_wechat.channel import WechatChannel

    return [WechatChannel]
