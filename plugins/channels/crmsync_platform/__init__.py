"""Messages go out by the platform that the customer bought on."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any]]]:
    from crmsync_platform.channel import PlatformChannel

    return [PlatformChannel]
