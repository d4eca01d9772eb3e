"""The connector to Vendure, a headless shop."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Connector, hookimpl


@hookimpl
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:
    from crmsync_vendure.connector import VendureConnector

    return [VendureConnector]
