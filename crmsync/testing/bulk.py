"""A shop for measuring clients: a great many records, rendered before the first request comes.

It speaks the API of `crmsync.testing.Shop` as far as a pull needs it, with plain records instead of a
population, and costs next to nothing per page: `python -m crmsync.testing.bulk --orders 100000`.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Self

from crmsync.testing.almanac import DAY, ZONE_NAME, iso
from crmsync.testing.catalogue import catalogue
from crmsync.testing.ledger import STREAMS
from crmsync.testing.misbehaviour import error
from crmsync.testing.orders import yuan
from crmsync.testing.paging import DEFAULT_LIMIT, MAX_LIMIT, BadRequest, parse_number, parse_time
from crmsync.testing.server import Answer, Request, Server

_START = 1_735_689_600  # 2025-01-01T00:00:00Z
_SPAN = 400 * DAY
_PRODUCTS = catalogue(1)

Render = Callable[[int, int, int, int], str]


def _order(n: int, version: int, born: int, at: int) -> str:
    """Order number `n` as JSON, finished at `born`, last changed at `at`; each version has another total."""
    lines, goods = [], 0
    for k in range(3):
        product = _PRODUCTS[(n * 7 + k * 5) % len(_PRODUCTS)]
        quantity = 1 + (n + k) % 2
        paid = product.price * quantity
        goods += paid
        lines.append(
            f'{{"id":"T{n:08d}-{k + 1}","product_id":"{product.id}","title":"{product.title}",'
            f'"qty":{quantity},"unit_price":"{yuan(product.price)}","paid":"{yuan(paid)}"}}'
        )
    placed = born - 12 * DAY
    status = ("FINISHED", "REFUNDED")[version % 2]
    return (
        f'{{"id":"T{n:08d}","buyer_id":"C{n * 7919 % 20011:06d}","status":"{status}","currency":"CNY",'
        f'"payable":"{yuan(goods + 800 + version)}","shipping":"8.00","discount":"0.00",'
        f'"created_at":"{iso(placed)}","paid_at":"{iso(placed + 300)}","sent_at":"{iso(placed + DAY)}",'
        f'"promised_at":"{iso(placed + 5 * DAY)}","signed_at":"{iso(placed + 4 * DAY)}",'
        f'"finished_at":"{iso(born)}","closed_at":null,"agent_id":null,"lines":[{",".join(lines)}],'
        f'"updated_at":"{iso(at)}"}}'
    )


def _review(n: int, version: int, born: int, at: int) -> str:
    """Review number `n` as JSON; another version has been answered."""
    stars = (5, 5, 4, 5, 1, 5, 3, 5, 4, 2)[n % 10]
    text = "质量很好，物流也快，下次还会来。" if stars > 3 else "用了两天就坏了，质量太差，不会再买。"
    replied = f'"{iso(at)}"' if version else "null"
    return (
        f'{{"id":"V{n:08d}","order_id":"T{n * 2:08d}","product_id":"{_PRODUCTS[n * 14 % 24].id}",'
        f'"buyer_id":"C{n * 2 * 7919 % 20011:06d}","stars":{stars},"content":"{text}","lang":"zh-CN",'
        f'"created_at":"{iso(born)}","replied_at":{replied},"updated_at":"{iso(at)}"}}'
    )


class Feed:
    """The rendered records of one stream, in the order in which they changed."""

    def __init__(self, render: Render, count: int) -> None:
        self._render = render
        self._versions = [0] * count
        step = max(_SPAN // max(count, 1), 1)
        self.numbers = list(range(count))
        self.times = [_START + n * step for n in range(count)]
        self._born = tuple(self.times)
        self.rows = [render(n, 0, at, at).encode() for n, at in enumerate(self.times)]

    def change(self, share: float) -> int:
        """Change every so-manieth record, a day after the last change; returns how many."""
        chosen = range(0, len(self._versions), max(round(1 / share), 1))
        kept = [i for i, n in enumerate(self.numbers) if n not in chosen]
        at = max(self.times, default=_START) + DAY
        self.numbers = [self.numbers[i] for i in kept] + list(chosen)
        self.times = [self.times[i] for i in kept] + [at + k for k in range(len(chosen))]
        self.rows = [self.rows[i] for i in kept]
        for k, n in enumerate(chosen):
            self._versions[n] += 1
            self.rows.append(self._render(n, self._versions[n], self._born[n], at + k).encode())
        return len(chosen)

    def page(self, query: dict[str, str]) -> tuple[bytes, int, str | None]:
        """The rows of a page, how many records there are from the query's start on, and the next cursor."""
        limit = parse_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        if "cursor" in query:
            first, _, here = query["cursor"].partition("-")
            if not (first.isdigit() and here.isdigit()):
                raise BadRequest("cursor is one that an earlier answer gave")
            start, at = int(first), int(here)
        else:
            since = parse_time(query, "updated_since")
            start = at = 0 if since is None else bisect_left(self.times, since)
        end = at + limit
        following = f"{start}-{end}" if end < len(self.rows) else None
        return b",".join(self.rows[at:end]), len(self.rows) - start, following


class BulkShop:
    """A server of `orders` orders of three lines and `reviews` reviews. Any credentials will do."""

    def __init__(self, *, orders: int = 100_000, reviews: int = 40_000, port: int = 0) -> None:
        self.feeds = {"orders": Feed(_order, orders), "reviews": Feed(_review, reviews)}
        self._lock = threading.Lock()
        self._server = Server(self.answer, port)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def change(self, share: float = 0.01) -> dict[str, int]:
        """Change this share of the records of each stream; returns how many of each."""
        if not 0 < share <= 1:
            raise ValueError("share is above 0 and at most 1")
        with self._lock:
            return {stream: feed.change(share) for stream, feed in self.feeds.items()}

    def answer(self, request: Request) -> Answer:
        """What the server sends for a request."""
        stream = request.path.strip("/")
        try:
            if stream in self.feeds:
                with self._lock:
                    rows, total, cursor = self.feeds[stream].page(request.query)
                end = b'],"total":%d,"next_cursor":%s,"next":null}' % (total, json.dumps(cursor).encode())
                return Answer(body=b'{"data":[' + rows + end)
            if stream in STREAMS:
                return Answer(body=b'{"data":[],"total":0,"next_cursor":null,"next":null}')
            if stream == "oauth/token":
                return Answer(body=b'{"access_token":"bulk","token_type":"Bearer","expires_in":86400}')
            if stream == "shop":
                shop = {"id": "S2", "name": "Bulk", "currency": "CNY", "timezone": ZONE_NAME}
                return Answer(body=json.dumps(shop).encode())
            if stream == "_control/change":
                return Answer(body=json.dumps(self.change(**json.loads(request.body or b"{}"))).encode())
        except (ValueError, TypeError) as wrong:
            return error(400, "bad_request", str(wrong))
        return error(404, "not_found", f"There is no {request.method} {request.path}.")


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until told to stop. The first line of the output is the URL."""
    parser = argparse.ArgumentParser("python -m crmsync.testing.bulk", description=main.__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--reviews", type=int, default=40_000)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with BulkShop(**vars(parser.parse_args(argv))) as shop:
        sys.stdout.write(f"{shop.url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
