from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmsync.sdk import Connector, Cursor, Order, Page, PluginError, Product, Settings, Shop, push, stream

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Whole(Connector[Settings]):
    name = "whole"
    title = "Whole"
    Settings = Settings

    def check(self) -> Shop:
        return Shop("x")

    @stream(Order, overlap=timedelta(minutes=7))
    def orders(self, since: Cursor) -> Iterator[Page]:
        yield Page([1], Cursor())

    @orders.mapping
    def order(self, payload: Any) -> Order | None:
        return None

    @stream(Product, snapshot=True)
    def products(self, since: Cursor) -> Iterator[Page]:
        yield Page([], Cursor())

    @products.mapping
    def product(self, payload: Any) -> Product | None:
        return None

    @push("lookup")
    def send_message(self, message: Any, key: str) -> Any: ...


def test_streams_come_in_the_order_in_which_they_are_pulled() -> None:
    assert list(Whole.streams()) == ["products", "orders"]
    assert Whole.streams()["orders"].overlap == timedelta(minutes=7)
    assert Whole.streams()["products"].snapshot


def test_pushes_are_what_is_implemented() -> None:
    assert Whole.pushes() == {"send_message": "lookup"}


def test_a_stream_without_a_mapping_is_refused() -> None:
    class Half(Connector[Settings]):
        def check(self) -> Shop:
            return Shop("x")

        @stream(Order)
        def orders(self, since: Cursor) -> Iterator[Page]:
            yield Page([], Cursor())

    with pytest.raises(PluginError, match="orders has no mapping"):
        Half.streams()


def test_a_stream_with_another_name_is_refused() -> None:
    class Odd(Connector[Settings]):
        def check(self) -> Shop:
            return Shop("x")

        @stream(Order)
        def sales(self, since: Cursor) -> Iterator[Page]:
            yield Page([], Cursor())

    with pytest.raises(PluginError, match=r"Name the method 'orders'\."):
        Odd.streams()


def test_the_overlap_moves_a_time_but_not_the_middle_of_a_walk() -> None:
    assert Cursor(at=NOW).back(timedelta(minutes=5)).at == NOW - timedelta(minutes=5)
    assert Cursor(at=NOW, token="page 3").back(timedelta(minutes=5)) == Cursor(at=NOW, token="page 3")
    assert Cursor().back(timedelta(minutes=5)) == Cursor()


def test_a_mapping_may_be_a_function() -> None:
    def order(payload: Any) -> Order | None:
        return (
            Order(external_id=payload, status="paid", currency="EUR", total=1, placed_at=NOW)
            if payload
            else None
        )

    class Lean(Connector[Settings]):
        def check(self) -> Shop:
            return Shop("x")

        @stream(Order, order, snapshot=True)
        def orders(self, since: Cursor) -> Iterator[Page]:
            yield Page(["1", ""], Cursor())

    assert Lean.streams()["orders"].snapshot
    record_of = Lean.streams()["orders"].to_record
    assert record_of is not None
    assert record_of(None, "1").external_id == "1"
    assert record_of(None, "") is None
