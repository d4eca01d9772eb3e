"""Asking the daemon of this configuration, from another process on this machine."""

from __future__ import annotations

import http.client
import json
from datetime import datetime

from crmsync.config import Config

_PATIENCE = 1.0


def ask_daemon(config: Config) -> dict[str, datetime | None] | None:
    """When each of its jobs runs next, or None when no daemon of this configuration answers."""
    connection = http.client.HTTPConnection(*config.daemon.address, timeout=_PATIENCE)
    try:
        connection.request("GET", "/jobs")
        told = json.loads(connection.getresponse().read())
        if told["config"] != str(config.path):
            return None
        return {name: datetime.fromisoformat(at) if at else None for name, at in told["jobs"].items()}
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError, TypeError):
        return None
    finally:
        connection.close()
