"""Messages go out as signed HTTP requests to a service of your own."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Channel, hookimpl


@hookimpl
def crmsync_channels() -> Iterable[type[Channel[Any]]]:
    from crmsync_webhook.channel import WebhookChannel

    return [WebhookChannel]
