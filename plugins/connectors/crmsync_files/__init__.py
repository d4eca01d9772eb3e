"""Exports in files: CSV, TSV and JSON Lines, mapped by configuration."""

from collections.abc import Iterable
from typing import Any

from crmsync.sdk import Connector, hookimpl


@hookimpl
def crmsync_connectors() -> Iterable[type[Connector[Any]]]:
    from crmsync_files.connector import FilesConnector

    return [FilesConnector]
