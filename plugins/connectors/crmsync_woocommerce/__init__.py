"""The connector to WooCommerce."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Connector, hookimpl


@hookimpl
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:
    from crmsync_woocommerce.connector import WooConnector

    return [WooConnector]
