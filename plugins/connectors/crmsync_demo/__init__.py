"""The connector to crmsync's built-in shop."""

from __future__ import annotations

from crmsync.sdk import hookimpl


@hookimpl
def crmsync_connectors():
    from crmsync_demo.connector import DemoConnector

    return [DemoConnector]
