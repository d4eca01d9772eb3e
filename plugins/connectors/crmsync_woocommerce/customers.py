"""Customers: the registered ones, and then the guests, whom WooCommerce knows by their orders alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime

from crmsync.sdk import Cursor, Page, RecordError
from crmsync_woocommerce.account import account_of
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.walk import MODIFIED, by_id

_REGISTERED, _GUESTS = "registered", "guests"
_GUEST_FIELDS = "id,customer_id,billing,meta_data,date_created_gmt,date_modified_gmt"
_REMEMBERED = 20_000


def customers(api: Api, size: int, connection: str, since: Cursor, started: datetime) -> Iterator[Page]:
    """All registered customers, who cannot be asked for by a time, and the guests of orders changed since.

    Plugins give buyers roles of their own, so everybody is asked for; the mapping leaves out the staff.
    A guest comes once, with the latest order: orders are read from the highest number down.
    """
    stage, _, place = (since.token or _REGISTERED).partition(" ")
    if stage == _REGISTERED:
        everybody = {"role": "all"}
        walk = by_id(lambda page: api.list("customers", {**everybody, **page}), size, place=place)
        for batch in walk:
            yield Page(batch.rows, _inside(since, _REGISTERED, batch.place), batch.total)
        place = ""
    query = {"customer": 0, "_fields": _GUEST_FIELDS, **MODIFIED.filters(since.at, None)}
    walk = by_id(lambda page: api.list("orders", {**query, **page}), size, newest_first=True, place=place)
    known: OrderedDict[str, None] = OrderedDict()
    at = since.at
    for batch in walk:
        times = [time for row in batch.rows if (time := MODIFIED.time(row)) is not None]
        at = max([*times, *([at] if at else [])], default=None)
        rows = [guest for row in batch.rows if (guest := _guest(row, connection, known))]
        if batch.last:
            yield Page(rows, Cursor(min(at, started) if at else None))
        elif rows:
            yield Page(rows, _inside(since, _GUESTS, batch.place))


def _inside(since: Cursor, stage: str, place: str) -> Cursor:
    return Cursor(since.at, token=f"{stage} {place}")


def _guest(order: Row, connection: str, known: OrderedDict[str, None]) -> Row | None:
    """The payload of a guest, unless a later order has given it already.

    Only so many are remembered; of one that comes again after that, the host keeps the latest version.
    """
    try:
        account = account_of(order, connection)
    except RecordError:
        account = f"order {order.get('id')}"
    if account in known:
        known.move_to_end(account)
        return None
    known[account] = None
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
    return {"guest_of": order}
