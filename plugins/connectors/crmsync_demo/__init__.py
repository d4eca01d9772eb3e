"""The connector to crmsync's built-in shop."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Connector, hookimpl


@hookimpl
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:
    from crmsync_demo.connector import DemoConnector

    return [DemoConnector]
