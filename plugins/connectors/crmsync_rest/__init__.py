"""Any JSON HTTP API, by configuration."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Connector, hookimpl


@hookimpl
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:
    from crmsync_rest.connector import RestConnector

    return [RestConnector]
