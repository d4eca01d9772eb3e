"""What a command needs to begin: logs that stay quiet, and the App of its configuration."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crmsync.cli.option import Language

if TYPE_CHECKING:
    from crmsync.config import Config
    from crmsync.daemon.app import App
    from crmsync.plugins import PluginHost


@contextmanager
def opened(
    config: Path | None,
    language: Language | None = None,
    *,
    stop: threading.Event | None = None,
    log_level: int = logging.CRITICAL,
) -> Iterator[App]:
    """The App; closed when the block ends. What goes wrong is in results, so logs can stay quiet."""
    from crmsync.daemon.app import App
    from crmsync.daemon.logs import configure_logs, register_secrets

    redactor = configure_logs(level=log_level, console=True)
    app = App.open(config, language=language, stop=stop)
    register_secrets(redactor, app.config)
    try:
        yield app
    finally:
        app.close()


def read(config: Path | None) -> tuple[Config, PluginHost]:
    """The configuration and its plugins, without a database."""
    from crmsync.plugins import open_config

    quiet_logs()
    return open_config(config)


def quiet_logs() -> None:
    """Print no log records: what they say is told by the commands that are about it."""
    logging.getLogger().addHandler(logging.NullHandler())
