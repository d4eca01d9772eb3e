"""Lists in pages, by cursor, page number or offset, as the shop's API gives them."""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crmsync.testing.almanac import parse
from crmsync.testing.ledger import Table

DEFAULT_LIMIT = 100
MAX_LIMIT = 250


class BadRequest(ValueError):
    """A query the API does not understand; the text is what it tells its caller."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page. `next_query` asks for the next one in the same way; None after the last."""

    rows: list[dict[str, Any]]
    total: int
    next_cursor: str | None
    next_query: dict[str, str] | None


def listing(table: Table, query: Mapping[str, str]) -> Listing:
    """The page of the table that the query asks for. Raises BadRequest."""
    limit = parse_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
    since, until = parse_time(query, "updated_since"), parse_time(query, "updated_before")
    after: tuple[int, str] | None = None
    if "cursor" in query:
        after, since, until = _decode(query["cursor"])
    order = table.order(since, until)
    if after is not None:
        start = bisect_right(order, after)
    elif "page" in query:
        start = (parse_number(query, "page", 1, 1, 10**6) - 1) * limit
    else:
        start = parse_number(query, "offset", 0, 0, 10**9)
    end = start + limit
    rows = [table.rows[id] for _, id in order[start:end]]
    if end >= len(order):
        return Listing(rows, len(order), None, None)
    cursor = _encode(order[end - 1], since, until)
    again = {name: query[name] for name in ("updated_since", "updated_before", "limit") if name in query}
    if "page" in query:
        again["page"] = str(int(query["page"]) + 1)
    elif "offset" in query:
        again["offset"] = str(end)
    else:
        again = {"limit": str(limit), "cursor": cursor}
    return Listing(rows, len(order), cursor, again)


def parse_number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A number in a query. Raises BadRequest."""
    text = query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise BadRequest(f"{name} is a number from {low} to {high}")
    return int(text)


def parse_time(query: Mapping[str, str], name: str) -> float | None:
    """A time in a query, in seconds since the epoch, or None. Raises BadRequest."""
    if name not in query:
        return None
    try:
        return parse(query[name])
    except ValueError:
        raise BadRequest(f"{name} is a time with its offset, such as 2026-06-01T12:00:00%2B08:00") from None


def _encode(last: tuple[int, str], since: float | None, until: float | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([*last, since, until]).encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[tuple[int, str], float | None, float | None]:
    try:
        at, id, since, until = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        raise BadRequest("cursor is one that an earlier answer gave") from None
    return (at, id), since, until
