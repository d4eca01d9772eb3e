"""Refunds, each with what its order says of the currency and the buyer: a refund itself says neither."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo

from crmsync.sdk import Cursor, PermanentError
from crmsync_woocommerce.account import BUYER_FIELDS
from crmsync_woocommerce.api import Api, Row
from crmsync_woocommerce.walk import CREATED, MODIFIED, Batch, by_time

_ORDER_FIELDS = f"{BUYER_FIELDS},currency"
_WALKED_FIELDS = f"{_ORDER_FIELDS},refunds,date_modified_gmt,date_modified"


def refunds(api: Api, size: int, since: Cursor, zone: tzinfo | None) -> Iterator[Batch]:
    """The refunds made since then; each row has its order under `order`.

    WooCommerce lists all refunds since 9.0. An older one is asked for the orders that have changed, and for
    the refunds of each: making one changes its order.
    """
    walk = by_time(lambda page: api.list("refunds", page), CREATED, size, since.at, since.until, zone)
    try:
        first = next(walk)
    except PermanentError:
        yield from _by_order(api, size, since, zone)
        return
    yield _with_orders(api, first)
    for batch in walk:
        yield _with_orders(api, batch)


def _with_orders(api: Api, batch: Batch) -> Batch:
    wanted = sorted({order for row in batch.rows if (order := _order_id(row))})
    orders: dict[str, Row] = {}
    if wanted:
        query = {"include": ",".join(wanted), "per_page": len(wanted), "_fields": _ORDER_FIELDS}
        orders = {str(row.get("id")): row for row in api.list("orders", query).rows}
    for order in set(wanted) - orders.keys():
        # One in the trash is in no list, and can still be asked for by its id.
        try:
            orders[order] = api.get(f"orders/{order}", {"_fields": _ORDER_FIELDS})
        except PermanentError:
            continue
    return replace(batch, rows=[{**row, "order": orders.get(_order_id(row))} for row in batch.rows])


def _by_order(api: Api, size: int, since: Cursor, zone: tzinfo | None) -> Iterator[Batch]:
    query = {"_fields": _WALKED_FIELDS}
    walk = by_time(
        lambda page: api.list("orders", {**query, **page}), MODIFIED, size, since.at, since.until, zone
    )
    for batch in walk:
        rows = [
            {**row, "order": order}
            for order in batch.rows
            if order.get("refunds")
            for row in api.list(f"orders/{_order_id(order, 'id')}/refunds", {"per_page": 100}).rows
        ]
        yield replace(batch, rows=rows, total=None)


def _order_id(row: Row, field: str = "parent_id") -> str:
    value = str(row.get(field) or "")
    return value if value.isdecimal() else ""
