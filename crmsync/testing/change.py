"""One step in the life of one record."""

from __future__ import annotations

from typing import Any, NamedTuple


class Change(NamedTuple):
    """At this second these fields of this record took these values; the first change makes the record."""

    at: int
    stream: str
    id: str
    fields: dict[str, Any]
