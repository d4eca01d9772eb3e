"""Messages go out as lines of a file that another program reads."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any]]]:
    from crmsync_file.channel import FileChannel

    return [FileChannel]
