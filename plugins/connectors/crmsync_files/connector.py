"""The `files` connector: a shop known by its exports."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

from crmsync.sdk import (
    Attendance,
    Connector,
    Context,
    Conversation,
    Cursor,
    Customer,
    Order,
    Page,
    Product,
    Refund,
    Review,
    Shop,
    stream,
)
from crmsync_files.mapping import Mapping
from crmsync_files.settings import FilesSettings
from crmsync_files.walk import Walk

# A walk lists all that the files hold, and the cursor's token alone says whether they were read.
_NO_OVERLAP = timedelta()


class FilesConnector(Connector[FilesSettings]):
    """Reads exports. What changed is told by the files themselves, not by the records' times."""

    name = "files"
    title = "Exports in files (CSV, TSV, JSON Lines)"
    Settings = FilesSettings

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        super().__init__(settings, context)
        self._mappings = {name: Mapping(name, settings) for name in settings.exports.configured()}

    def offers(self) -> Collection[str]:
        return self._mappings.keys()

    def check(self) -> Shop:
        for name in self._mappings:
            Walk(name, self.settings).check()
        zone = self.settings.times.zone
        return Shop(self.settings.title or self.context.connection, self.settings.currency, zone and zone.key)

    def _pages(self, name: str, since: Cursor) -> Iterator[Page]:
        return Walk(name, self.settings).pages(since)

    @stream(Product, overlap=_NO_OVERLAP, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        return self._pages("products", since)

    @products.mapping
    def product(self, payload: dict[str, Any]) -> Any:
        return self._mappings["products"].record(payload)

    @stream(Customer, overlap=_NO_OVERLAP, snapshot=True)
    def customers(self, since: Cursor) -> Iterator[Page]:
        return self._pages("customers", since)

    @customers.mapping
    def customer(self, payload: dict[str, Any]) -> Any:
        return self._mappings["customers"].record(payload)

    @stream(Order, overlap=_NO_OVERLAP, snapshot=True)
    def orders(self, since: Cursor) -> Iterator[Page]:
        return self._pages("orders", since)

    @orders.mapping
    def order(self, payload: dict[str, Any]) -> Any:
        return self._mappings["orders"].record(payload)

    @stream(Refund, overlap=_NO_OVERLAP, snapshot=True)
    def refunds(self, since: Cursor) -> Iterator[Page]:
        return self._pages("refunds", since)

    @refunds.mapping
    def refund(self, payload: dict[str, Any]) -> Any:
        return self._mappings["refunds"].record(payload)

    @stream(Review, overlap=_NO_OVERLAP, snapshot=True)
    def reviews(self, since: Cursor) -> Iterator[Page]:
        return self._pages("reviews", since)

    @reviews.mapping
    def review(self, payload: dict[str, Any]) -> Any:
        return self._mappings["reviews"].record(payload)

    @stream(Conversation, overlap=_NO_OVERLAP, snapshot=True)
    def conversations(self, since: Cursor) -> Iterator[Page]:
        return self._pages("conversations", since)

    @conversations.mapping
    def conversation(self, payload: dict[str, Any]) -> Any:
        return self._mappings["conversations"].record(payload)

    @stream(Attendance, overlap=_NO_OVERLAP, snapshot=True)
    def attendance(self, since: Cursor) -> Iterator[Page]:
        return self._pages("attendance", since)

    @attendance.mapping
    def attended(self, payload: dict[str, Any]) -> Any:
        return self._mappings["attendance"].record(payload)
