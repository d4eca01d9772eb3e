"""Records of a small shop for hypothesis, and their way into a store in any order, by the path sync takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from histories import START, day
from hypothesis import strategies as st
from sqlalchemy import insert, text

from crmsync.sdk import (
    Attendance,
    Conversation,
    Order,
    OrderLine,
    Product,
    Record,
    Refund,
    Review,
    checked,
)
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.store.tables import to_instant
from crmsync.sync.erased import Screened
from crmsync.sync.page import digest_of
from crmsync.sync.write import Target, bury_unseen, touch, write_records

Arrival = tuple[Record, ...]
"""Records that are stored together, of any streams."""

PRODUCTS, ACCOUNTS, AGENTS = ("p1", "p2", "p3"), ("c1", "c2", "c3"), ("a1", "a2")
TYPES = (None, "product", "service", "suggestion")
_days = st.integers(0, 80).map(lambda hours: day(hours / 2))
_orders = st.integers(0, 7).map("o{}".format)


def _maybe(*values: str) -> Any:
    return st.sampled_from((None, *values))


@st.composite
def _order(draw: Any, id: str, version: int) -> Order:
    placed = draw(_days)
    status = draw(st.sampled_from(["pending", "paid", "delivered", "completed", "cancelled", "refunded"]))
    products = draw(st.lists(_maybe(*PRODUCTS), max_size=3))
    currency = draw(st.sampled_from(["CNY", "CNY", "USD"]))
    came = draw(st.sampled_from([None, 2, 6])) if status in ("delivered", "completed") else None
    return Order(
        external_id=id,
        updated_at=day(100 + version),
        customer_id=draw(_maybe(*ACCOUNTS)),
        status=status,
        currency=currency,
        total=draw(st.integers(1, 900)),
        placed_at=placed,
        promised_at=placed + timedelta(days=4) if draw(st.booleans()) else None,
        delivered_at=None if came is None else placed + timedelta(days=came),
        agent_id=draw(_maybe(*AGENTS)),
        lines=[
            OrderLine(line_id=str(number), product_id=product, price=50, total=50, quantity=number + 1)
            for number, product in enumerate(products)
        ],
    )


@st.composite
def _other(draw: Any, number: int, version: int) -> Record:
    stream = draw(st.sampled_from(["refund", "review", "talk", "product", "roster"]))
    same: dict[str, Any] = {"external_id": f"x{number}", "updated_at": day(100 + version)}
    if stream == "refund":
        return Refund(
            **same,
            order_id=draw(_orders),
            line_id=draw(_maybe("0")),
            kind=draw(st.sampled_from(["refund", "return", "exchange"])),
            status=draw(st.sampled_from(["requested", "completed", "refused"])),
            type=draw(st.sampled_from(TYPES)),
            currency=draw(st.sampled_from(["CNY", "USD"])),
            amount=draw(st.integers(0, 90)),
            requested_at=draw(_days),
        )
    if stream == "review":
        return Review(
            **same,
            order_id=draw(st.none() | _orders),
            product_id=draw(_maybe(*PRODUCTS)),
            customer_id=draw(_maybe(*ACCOUNTS)),
            score=draw(st.sampled_from([1, 3, 5])),
            created_at=draw(_days),
        )
    if stream == "talk":
        asked = draw(_days)
        return Conversation(
            **same,
            customer_id=draw(_maybe(*ACCOUNTS)),
            agent_id=draw(_maybe(*AGENTS)),
            order_id=draw(st.none() | _orders),
            product_id=draw(_maybe(*PRODUCTS)),
            started_at=asked,
            first_reply_at=asked + timedelta(minutes=3) if draw(st.booleans()) else None,
            type=draw(st.sampled_from(TYPES)),
            rating=draw(st.sampled_from([None, 1, 5])),
        )
    if stream == "product":
        id = draw(st.sampled_from(PRODUCTS))
        category = draw(_maybe("tea", "cups"))
        return Product(external_id=id, updated_at=day(100 + version), title=id, category=category)
    return Attendance(
        **same, agent_id=draw(st.sampled_from(AGENTS)), day=draw(_days), attended=draw(st.booleans())
    )


@st.composite
def shops(draw: Any) -> list[Record]:
    """All versions of all records of a shop. No two versions of a record have one time."""
    records: list[Record] = []
    for number in range(draw(st.integers(1, 8))):
        for version in range(draw(st.integers(1, 2))):
            records.append(draw(_order(f"o{number}", version)))
    for number in range(draw(st.integers(0, 8))):
        records.append(draw(_other(number, number)))
        if draw(st.booleans()) and not isinstance(records[-1], Product):
            again = draw(_other(number, 50 + number))
            if type(again) is type(records[-1]):
                records.append(again)
    return records


@st.composite
def arrivals(draw: Any, records: Sequence[Record]) -> list[Arrival]:
    """The records in any order, in a few lots."""
    order = draw(st.permutations(records))
    cuts = sorted({0, len(order), *draw(st.lists(st.integers(0, len(order)), max_size=2))})
    return [tuple(order[start:end]) for start, end in pairwise(cuts)]


class Shop:
    """A connection whose records arrive."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as connection:
            self.id = connection.execute(
                insert(t.Connection).values(name="shop", connector="demo", scope="shop")
            ).inserted_primary_key[0]

    def arrive(self, records: Sequence[Record], *, at: Any = START) -> None:
        """Store each as a page of its own, and touch what it concerns."""
        with self.store.write() as connection:
            for record in records:
                target = Target(self.id, "shop", record.stream, first=False)
                whole, content = checked(record)
                write_records(connection, target, Screened([whole], [digest_of(content)]), to_instant(at))

    def bury(self, gone: Iterable[Record], *, at: Any = START) -> None:
        """A complete read of each stream lists everything but these."""
        with self.store.write() as connection:
            for stream in sorted({record.stream for record in gone}):
                target = Target(self.id, "shop", stream, first=False)
                run = connection.execute(
                    insert(t.Run).values(
                        connection_id=self.id, stream=stream, kind="full", status="running", started_at=at
                    )
                ).inserted_primary_key[0]
                ids = connection.execute(text(f'SELECT external_id FROM "{target.kind.table}"')).scalars()
                listed = set(ids) - {record.external_id for record in gone if record.stream == stream}
                if listed:
                    connection.execute(
                        insert(t.Seen), [{"run_id": run, "external_id": id} for id in sorted(listed)]
                    )
                bury_unseen(connection, target, run, to_instant(at))

    def touch_all(self) -> None:
        with self.store.write() as connection:
            touch(connection, Target(self.id, "shop", "orders", first=True), [("all", "")])


def keys_of(store: Store) -> dict[str, str]:
    """Each customer's key, which does not depend on who came first, by id as text."""
    with store.read() as connection:
        return {str(id): key for id, key in connection.execute(text("SELECT id, key FROM customer"))}
