"""Reviews, each with its writer where the shop has seen that the writer bought the product."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from crmsync.sdk import Cursor, Page, PermanentError
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.walk import CREATED, by_id, naive_utc

_REMEMBERED = 5_000


def reviews(api: Api, size: int, since: Cursor, started: datetime) -> Iterator[Page]:
    """The reviews written since then, approved or waiting; when one was edited the shop does not say.

    They are read by id: their filters go by the shop's wall clock, on which an hour comes twice a year.
    """
    query: Row = {"status": "all"}
    # Unlike orders they know no `dates_are_gmt`, and read a suffix as it is meant.
    if since.at is not None:
        query["after"] = f"{naive_utc(since.at)}Z"
    if since.until is not None:
        query["before"] = f"{naive_utc(since.until)}Z"
    writers = Writers(api)
    at = since.at
    walk = by_id(lambda page: api.list("products/reviews", {**query, **page}), size, place=since.token or "")
    for batch in walk:
        times = [time for row in batch.rows if (time := CREATED.time(row)) is not None]
        at = max([*times, *([at] if at else [])], default=None)
        rows = [{**row, "customer_id": writers.customer(row)} for row in batch.rows]
        if batch.last:
            yield Page(rows, Cursor(min(at, started) if at else None, until=since.until), batch.total)
        else:
            yield Page(rows, Cursor(since.at, batch.place, since.until), batch.total)


class Writers:
    """Whose reviews these are. A review says no more than an e-mail address, which nobody has checked."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[str, int | str | None] = OrderedDict()

    def customer(self, review: Row) -> int | str | None:
        """The writer's number as a customer, 0 for a guest; None unless the shop found that this address
        bought the product."""
        email: Any = review.get("reviewer_email")
        if review.get("verified") is not True or not isinstance(email, str) or not email.strip():
            return None
        email = email.strip().lower()
        if email not in self._known:
            self._known[email] = self._ask(email)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return self._known[email]

    def _ask(self, email: str) -> int | str | None:
        try:
            found = self._api.list("customers", {"email": email, "role": "all", "_fields": "id,email"}).rows
        except PermanentError:
            # The shop refuses what is no address.
            return None
        for row in found:
            if str(row.get("email")).lower() == email and row.get("id"):
                return str(row["id"])
        return 0
