"""Opens `woocommerce` connectors on a shop that stands in a test, and keeps what they give."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from crmsync_woocommerce.conformance import WooServer
from crmsync_woocommerce.connector import WooConnector
from crmsync_woocommerce.fake.shop import Shop

from crmsync.sdk import (
    Context,
    Cursor,
    HttpSession,
    MemoryPacer,
    MemoryTokenStore,
    OutgoingMessage,
    Page,
    Patience,
    Recipient,
    Record,
    checked,
)
from crmsync.testing import FakeClock

STREAMS = ("products", "customers", "orders", "refunds", "reviews")
KEYS = {"consumer_key": Shop.key, "consumer_secret": Shop.secret}


def connector(base_url: str, clock: FakeClock, name: str = "woo", **settings: Any) -> WooConnector:
    """A connector as the host opens it; it tries a call twice."""
    http = partial(HttpSession, connection=name, clock=clock, pacer=MemoryPacer(), patience=Patience(tries=2))
    context = Context(name, clock, logging.getLogger("test"), http, MemoryTokenStore())
    given = {"base_url": base_url, **KEYS, "statuses": {"packed": "paid"}, **settings}
    return WooConnector(WooConnector.Settings.model_validate(given), context)


class Case:
    """A shop, served, and a connector to it."""

    def __init__(self, shop: Shop, **settings: Any) -> None:
        self.shop = shop
        self.clock = FakeClock(shop.now)
        self.server = WooServer(shop)
        self.rest = self.server.rest
        self.settings = settings
        self._opened: list[WooConnector] = []

    def __enter__(self) -> Case:
        self.server.__enter__()
        self.woo = self.open(**self.settings)
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._opened:
            opened.http.close()
        self.server.__exit__()

    def open(self, kind: type[WooConnector] = WooConnector, **settings: Any) -> WooConnector:
        opened = connector(self.server.url, self.clock, **settings)
        if kind is not WooConnector:
            opened = kind(opened.settings, opened.context)
        self._opened.append(opened)
        return opened


class Copy:
    """What the host holds of one stream: the newest version of every record, and the cursor."""

    def __init__(self, woo: WooConnector, stream: str = "orders") -> None:
        self.bound = getattr(woo, stream)
        self.cursor = Cursor()
        self.records: dict[str, Record] = {}
        self.given: Counter[tuple[str, Any]] = Counter()

    def run(self, most_pages: int | None = None) -> None:
        """One run; cut short after so many pages."""
        self.given.clear()
        since = self.cursor.back(self.bound.stream.overlap)
        for number, page in enumerate(self.bound(since), 1):
            for record in mapped(self.bound, page):
                known = self.records.get(record.external_id)
                self.given[record.external_id, record.updated_at] += 1
                if known is None or not _older(record, known):
                    self.records[record.external_id] = record
            self.cursor = page.cursor
            if number == most_pages:
                return


def _older(record: Record, known: Record) -> bool:
    return (
        record.updated_at is not None
        and known.updated_at is not None
        and record.updated_at < known.updated_at
    )


def mapped(bound: Any, page: Page) -> Iterator[Record]:
    for payload in page.payloads:
        record = bound.record(payload)
        if record is not None:
            yield checked(record)[0]


def pull(woo: WooConnector, stream: str, since: Cursor | None = None) -> list[Record]:
    bound = getattr(woo, stream)
    return [record for page in bound(since or Cursor()) for record in mapped(bound, page)]


def message(account: str, body: str, order: int | None = None) -> OutgoingMessage:
    recipient = Recipient("woo", account)
    return OutgoingMessage(
        1, "care", "service", recipient, "", body, "zh", None if order is None else str(order)
    )


def sample(shared: Path, name: str) -> Any:
    """The body of a recorded response."""
    return json.loads((shared / "samples" / "woocommerce" / f"{name}.json").read_text("utf-8"))["body"]
