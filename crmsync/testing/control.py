"""How a shop in another process is driven: `/_control/…`, which no platform would have."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from crmsync.testing.ledger import STREAMS
from crmsync.testing.misbehaviour import error
from crmsync.testing.server import Answer, Request

if TYPE_CHECKING:
    from crmsync.testing.shop import Shop


def control(shop: Shop, request: Request) -> Answer:
    """Do to the shop what one of its methods would do. A wrong request is a 400 that says why."""
    try:
        body = json.loads(request.body or b"{}")
        done = _do(shop, request.method, request.path.removeprefix("/_control/"), body)
    except (ValueError, TypeError, KeyError) as wrong:
        return error(400, type(wrong).__name__, str(wrong))
    if done is None:
        return error(404, "not_found", f"There is no {request.method} {request.path}.")
    return Answer(200, json.dumps(done, ensure_ascii=False).encode())


def _do(shop: Shop, method: str, what: str, body: dict[str, Any]) -> dict[str, Any] | None:
    match method, what:
        case "GET", "now":
            pass
        case "POST", "advance":
            shop.advance(timedelta(**body))
        case "GET", "truth":
            return shop.truth()
        case "GET", "messages":
            return {"data": [message.row() for message in shop.messages]}
        case "GET", "notes":
            return {"data": shop.notes}
        case "GET", "requests":
            return {"data": [seen.row() for seen in shop.requests]}
        case "POST", "misbehave":
            shop.misbehave(**body)
        case "POST", "behave":
            shop.behave()
        case "POST", "idempotency":
            shop.set_idempotency(body["mode"])
        case "GET", stream if stream in STREAMS:
            return {"data": shop.rows(stream)}
        case "POST", stream if stream in STREAMS:
            if "create" in body and stream == "orders":
                return {"ids": shop.create_orders(body["create"], **body.get("fields", {}))}
            return {"ids": shop.put(stream, body["data"])}
        case "DELETE", stream if stream in STREAMS:
            shop.remove(stream, body["ids"])
        case _:
            return None
    return {"now": shop.now.isoformat()}
