"""Asking the daemon of this configuration, from another process on this machine."""

from __future__ import annotations

import http.client
import json
from datetime import datetime

_PATIENCE = 1.0


def ask_daemon(address: tuple[str, int]) -> dict[str, datetime | None] | None:
    """When each of its jobs runs next, or None when no daemon answers there."""
    connection = http.client.HTTPConnection(*address, timeout=_PATIENCE)
    try:
        connection.request("GET", "/jobs")
        jobs = json.loads(connection.getresponse().read())["jobs"]
        return {name: datetime.fromisoformat(at) if at else None for name, at in jobs.items()}
    except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError, TypeError):
        return None
    finally:
        connection.close()
