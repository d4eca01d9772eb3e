"""Messages go out by Alibaba Cloud SMS."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any]]]:
    from crmsync_sms_aliyun.channel import SmsAliyunChannel

    return [SmsAliyunChannel]
