"""A connector whose platform is a list in memory, so that a test decides what every page holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import text

from crmsync.sdk import (
    Connector,
    Consent,
    Context,
    Cursor,
    Customer,
    Order,
    OrderLine,
    Page,
    Product,
    Review,
    RunResult,
    Settings,
    Shop,
    stream,
)
from crmsync.store import Store
from crmsync.sync.connection import _connection_id
from crmsync.sync.stream import Scope, Source, StreamRun
from crmsync.testing import FakeClock

START = datetime(2026, 3, 1, tzinfo=UTC)


def order(
    number: int, *, minutes: int | None = None, total: int = 1000, buyer: str = "b1", **more: Any
) -> Any:
    """An order's payload; it was placed and last changed so many minutes after the start."""
    changed = START + timedelta(minutes=number if minutes is None else minutes)
    return {
        "id": f"o{number}",
        "buyer": buyer,
        "total": total,
        "at": changed.isoformat(),
        "lines": [("1", "p1", total)],
        **more,
    }


def _changed(payload: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(payload["at"])
    except (KeyError, TypeError):
        return None
    return time if time.tzinfo else None


class Memory(Connector[Settings]):
    """Pages by hand: `script[stream]` is a list of pages, a page a list of payloads or an exception."""

    name = "memory"
    title = "A platform in memory"
    Settings = Settings
    scope: ClassVar[str | None] = None

    def __init__(self, settings: Settings, context: Context) -> None:
        super().__init__(settings, context)
        self.script: dict[str, list[Any]] = {}
        self.asked: list[Cursor] = []
        self.on_page: Callable[[int], None] = lambda number: None

    def check(self) -> Shop:
        return Shop("Memory", "CNY", "Asia/Shanghai")

    def identity_scope(self) -> str:
        return self.scope or super().identity_scope()

    def _pages(self, name: str, since: Cursor) -> Iterator[Page]:
        self.asked.append(since)
        at = since.at
        for number, payloads in enumerate(self.script.get(name, [])):
            self.on_page(number)
            if isinstance(payloads, Exception):
                raise payloads
            times = [time for payload in payloads if (time := _changed(payload))]
            at = max([*times, *([at] if at else [])], default=at)
            yield Page(payloads, Cursor(at=at))

    @stream(Product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._pages("products", since)

    @products.mapping
    def product(self, payload: Any) -> Product:
        return Product(external_id=payload["id"], title=payload["title"])

    @stream(Customer)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._pages("customers", since)

    @customers.mapping
    def customer(self, payload: Any) -> Customer:
        return Customer(
            external_id=payload["id"],
            name=payload.get("name"),
            updated_at=datetime.fromisoformat(payload["at"]),
            consents=[Consent(medium="any", purpose="marketing", granted=payload["agrees"])]
            if "agrees" in payload
            else [],
        )

    @stream(Order, overlap=timedelta(minutes=5))
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._pages("orders", since)

    @orders.mapping
    def order(self, payload: Any) -> Order | None:
        if payload.get("irrelevant"):
            return None
        at = datetime.fromisoformat(payload["at"])
        return Order(
            external_id=payload["id"],
            customer_id=payload["buyer"],
            status="paid",
            currency="CNY",
            total=payload["total"],
            placed_at=at,
            updated_at=at,
            lines=[
                OrderLine(line_id=line, product_id=product, price=price, total=price)
                for line, product, price in payload["lines"]
            ],
        )

    @stream(Review)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        return self._pages("reviews", since)

    @reviews.mapping
    def review(self, payload: Any) -> Review:
        at = datetime.fromisoformat(payload["at"])
        return Review(
            external_id=payload["id"], order_id=payload["order"], score=payload["score"], created_at=at
        )


@dataclass
class Bench:
    """A store, a platform, and runs of one against the other."""

    store: Store
    clock: FakeClock = field(default_factory=lambda: FakeClock(START + timedelta(days=1)))
    name: str = "shop"
    source: Source = field(init=False)

    def __post_init__(self) -> None:
        context = Context(self.name, self.clock, logging.getLogger("test"), None, None)  # type: ignore[arg-type]
        connector = Memory(Settings(), context)
        self.source = Source(connector, _connection_id(self.store, self.name, connector, None), self.name)

    @property
    def platform(self) -> Memory:
        connector = self.source.connector
        assert isinstance(connector, Memory)
        return connector

    def run(self, *pages: Any, stream: str = "orders", scope: Scope | None = None, **more: Any) -> RunResult:
        """Let the platform give these pages of the stream, and pull them."""
        self.platform.script[stream] = list(pages)
        return StreamRun(self.store, self.source, stream, self.clock, scope or Scope(), **more).run()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def ids(self, table: str = "order") -> list[str]:
        """The external ids that are stored and not deleted."""
        sql = f'SELECT external_id FROM "{table}" WHERE deleted_at IS NULL ORDER BY external_id'
        return [row[0] for row in self.rows(sql)]
