"""No order is lost or doubled, whatever the shop's zone and whatever happens between two pages."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from crmsync_woocommerce import walk
from crmsync_woocommerce.connector import WooConnector
from crmsync_woocommerce.fake.shop import Shop
from woo_case import Case, Copy, pull

from crmsync.sdk import Cursor, Page, PermanentError, TransientError

ZONES = ["Asia/Shanghai", "America/New_York"]
# In New York the clock went back an hour at 06:00 UTC of that day.
FOLD = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)


def crowded(shop: Shop, number: int, seed: int) -> Shop:
    """Orders of some days around the end of summer time, many of one second."""
    dice = random.Random(seed)
    for _ in range(number):
        changed = FOLD + timedelta(
            seconds=dice.choice([-1800, -60, 0, 60, 1800, dice.randrange(-90000, 90000)])
        )
        shop.add_order(created=changed - timedelta(hours=2), modified=changed)
    return shop


class Bustle:
    """Somebody is at work in the shop: after every list something happens to some order."""

    def __init__(self, shop: Shop, seed: int, times: int = 25) -> None:
        self.shop = shop
        self.dice = random.Random(seed)
        self.left = times
        self.made: set[int] = set()
        self.removed: set[int] = set()
        self.trashed: set[int] = set()

    def __call__(self, path: str) -> None:
        if not self.left or path != "orders":
            return
        self.left -= 1
        self.shop.now += timedelta(seconds=self.dice.randrange(3))
        for _ in range(self.dice.randrange(1, 4)):
            shown = [id for id, order in self.shop.orders.items() if order["status"] != "trash"]
            id = self.dice.choice(shown)
            match self.dice.choice(["touch", "touch", "add", "delete", "trash"]):
                case "touch":
                    self.shop.touch(id, quantity=self.dice.randrange(1, 9))
                case "add":
                    self.made.add(self.shop.add_order())
                case "delete":
                    self.shop.delete(id)
                    self.removed.add(id)
                case _:
                    self.shop.trash(id)
                    self.trashed.add(id)


def truth(shop: Shop) -> dict[str, tuple[Any, int, bool]]:
    return {
        str(id): (order["modified"], int(shop.total(order) * 100), order["status"] == "trash")
        for id, order in shop.orders.items()
    }


def held(copy: Copy) -> dict[str, tuple[Any, int, bool]]:
    return {
        id: (order.updated_at, order.total, order.status == "cancelled")  # type: ignore[attr-defined]
        for id, order in copy.records.items()
    }


def exact(case: Case, seed: int, kind: type[WooConnector] = WooConnector) -> None:
    """One walk among the bustle, cut short twice, then one in the quiet: the copy is the shop."""
    woo = case.open(kind, page_size=5)
    bustle = case.shop.after_list = Bustle(case.shop, seed)
    there, copy = set(case.shop.orders), Copy(woo)
    copy.run(most_pages=3)
    copy.run(most_pages=4)
    copy.run()
    assert max(copy.given.values(), default=0) <= 1, "a version of an order came twice in one walk"
    stayed = {str(id) for id in there - bustle.removed - bustle.trashed}
    assert stayed <= copy.records.keys(), "an order was lost in the first walk"
    case.shop.after_list = lambda path: None
    case.clock.advance(case.shop.now - case.clock.now())
    copy.run()
    gone = {str(id) for id in bustle.removed}
    assert {id: order for id, order in held(copy).items() if id not in gone} == truth(case.shop)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hpos", [True, False], ids=["tables", "posts"])
@pytest.mark.parametrize("seed", range(3))
def test_no_order_is_lost_while_the_shop_moves(zone: str, hpos: bool, seed: int) -> None:
    with Case(crowded(Shop(zone=zone, hpos=hpos), 45, seed)) as case:
        exact(case, seed)


def asking(**changes: Any) -> Any:
    def change(patch: pytest.MonkeyPatch) -> None:
        line = walk.MODIFIED
        kind = type("Mistaken", (walk.Timeline,), changes)
        wrong = kind(line.orderby, line.after, line.before, line.field, line.local)
        patch.setattr("crmsync_woocommerce.orders.MODIFIED", wrong)

    return change


def _suffixed(self: walk.Timeline, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    query = TRUE_FILTERS(self, since, until)
    return {name: f"{value}Z" if name == self.after else value for name, value in query.items()}


def _unflagged(self: walk.Timeline, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    return {n: v for n, v in TRUE_FILTERS(self, since, until).items() if n != "dates_are_gmt"}


def _local(self: walk.Timeline, row: dict[str, Any]) -> datetime | None:
    return walk.utc(row[self.local])


def _exclusive(self: walk.Timeline, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    return TRUE_FILTERS(self, since and since + walk.SECOND, until)


def _by_number(patch: pytest.MonkeyPatch) -> None:
    def pages(
        ask: Any, line: Any, size: int, since: Any, until: Any = None, zone: Any = None
    ) -> Iterator[Any]:
        at = since
        for number in count(1):
            listed = ask({**line.query(since, until), "per_page": size, "page": number})
            times = [line.time(row) for row in listed.rows]
            at = max([*times, *([at] if at else [])], default=None)
            last = number >= (listed.pages or 0)
            yield walk.Batch(listed.rows, listed.total, last, at=at)
            if last:
                return

    patch.setattr("crmsync_woocommerce.orders.by_time", pages)


TRUE_FILTERS = walk.Timeline.filters
MISTAKES = {
    "a suffix beside the flag": asking(filters=_suffixed),
    "UTC without the flag": asking(filters=_unflagged),
    "local times read as UTC": asking(time=_local),
    "ties left out": asking(filters=_exclusive),
    "pages by their number": _by_number,
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_shop_finds_a_mistaken_connector(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MISTAKES[mistake](monkeypatch)
    found = 0
    for zone in ZONES:
        for seed in range(2):
            with Case(crowded(Shop(zone=zone), 45, seed)) as case:
                try:
                    exact(case, seed)
                except (AssertionError, PermanentError, TransientError):
                    found += 1
    assert found


def test_without_the_zone_an_hour_that_comes_twice_loses_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WooConnector, "_zone", None)
    shop = Shop(zone="America/New_York", hpos=False)
    for minute in range(-55, 60, 5):
        shop.add_order(modified=FOLD + timedelta(minutes=minute))
    with Case(shop) as case:
        assert len(pull(case.open(page_size=3), "orders")) < len(shop.orders)
    monkeypatch.undo()
    with Case(shop) as case:
        assert len(pull(case.open(page_size=3), "orders")) == len(shop.orders)


@pytest.mark.parametrize("hpos", [True, False], ids=["tables", "posts"])
def test_a_second_with_more_orders_than_a_page_has_is_read_to_its_end(hpos: bool) -> None:
    shop = Shop(hpos=hpos)
    for _ in range(23):
        shop.add_order(modified=FOLD)
    gone = iter([11, 12, 13])

    def delete(path: str) -> None:
        if (id := next(gone, None)) is not None:
            shop.delete(id)

    with Case(shop) as case:
        shop.after_list = delete
        first = [order.external_id for order in pull(case.open(page_size=4), "orders")]
        assert len(first) == len(set(first))
        assert {str(id) for id in shop.orders} <= set(first)


@pytest.mark.parametrize("stream", ["products", "customers", "reviews"])
def test_lists_by_id_lose_nothing_when_earlier_rows_go(stream: str) -> None:
    shop = Shop()
    product = shop.add_product()
    make = {"products": shop.add_product, "customers": shop.add_customer}
    for _ in range(30):
        make.get(stream, lambda: shop.add_review(product))()
    entries = getattr(shop, stream)

    def delete(path: str) -> None:
        if path.endswith(stream) and len(entries) > 12:
            del entries[next(iter(entries))], entries[list(entries)[3]]

    with Case(shop) as case:
        shop.after_list = delete
        given = [record.external_id for record in pull(case.open(page_size=6), stream)]
        assert len(given) == len(set(given))
        assert {str(id) for id in entries} <= set(given)


@pytest.mark.parametrize("stream", ["products", "customers", "reviews"])
def test_a_walk_by_id_goes_on_from_its_token(stream: str) -> None:
    shop = Shop()
    product = shop.add_product()
    for _ in range(13):
        shop.add_product()
        shop.add_customer()
        shop.add_review(product)
        shop.add_order()
    with Case(shop) as case:
        woo = case.open(page_size=4)
        pages: list[Page] = list(getattr(woo, stream)(Cursor()))
        for number, page in enumerate(pages[:-1]):
            assert page.cursor.token
            rest = [payload for later in getattr(woo, stream)(page.cursor) for payload in later.payloads]
            assert rest == [payload for later in pages[number + 1 :] for payload in later.payloads]


def test_the_next_run_asks_for_no_more_than_what_changed() -> None:
    shop = Shop()
    for day in range(40):
        shop.add_order(modified=FOLD + timedelta(days=day % 10, minutes=day))
    with Case(shop) as case:
        copy = Copy(case.open(page_size=10))
        copy.run()
        before = len(case.rest.calls)
        changed = [11, 30, 45]
        for id in changed:
            shop.touch(id)
        copy.run()
        latest = "50"
        assert {id for id, _ in copy.given} == {*map(str, changed), latest}
        assert len(case.rest.calls) - before <= 4


def test_an_order_that_goes_into_the_trash_and_comes_back() -> None:
    shop = Shop()
    id = shop.add_order(created=FOLD)
    with Case(shop) as case:
        copy = Copy(case.woo)
        for status, means in (("processing", "paid"), ("trash", "cancelled"), ("processing", "paid")):
            shop.now += timedelta(hours=1)
            case.clock.advance(timedelta(hours=1))
            shop.touch(id, status=status)
            copy.run()
            assert copy.records[str(id)].status == means  # type: ignore[attr-defined]


def test_a_span_that_is_read_again_ends_where_it_should() -> None:
    shop = Shop(zone="America/New_York")
    ids = [shop.add_order(modified=FOLD + timedelta(minutes=n)) for n in range(30)]
    with Case(shop) as case:
        span = Cursor(at=FOLD + timedelta(minutes=5), until=FOLD + timedelta(minutes=15))
        assert [o.external_id for o in pull(case.open(page_size=4), "orders", span)] == [
            str(id) for id in ids[5:15]
        ]


def test_a_shop_that_does_not_know_the_filter_is_told_from_one_that_does() -> None:
    shop = crowded(Shop(), 12, 1)
    with Case(shop) as case:
        answer = case.rest._get

        def forgetful(path: str, query: Any) -> Any:
            return answer(path, {n: v for n, v in query.items() if n != "modified_after"})

        case.rest._get = forgetful  # type: ignore[method-assign]
        with pytest.raises(PermanentError, match=r"does not know the filter modified_after.*5\.8"):
            pull(case.woo, "orders", Cursor(at=FOLD + timedelta(days=1)))


@pytest.mark.parametrize("forgotten", ["order", "orderby"])
def test_a_list_in_another_order_ends_the_walk(forgotten: str) -> None:
    shop = Shop()
    for n in range(8):
        shop.add_order(created=FOLD - timedelta(days=n), modified=FOLD + timedelta(days=n))
    with Case(shop) as case:
        answer = case.rest._get
        case.rest._get = lambda path, query: answer(  # type: ignore[method-assign]
            path, {n: v for n, v in query.items() if n != forgotten}
        )
        with pytest.raises(PermanentError, match="not in the order"):
            pull(case.open(page_size=5), "orders")


def test_a_cache_that_ignores_the_query_is_noticed() -> None:
    shop = crowded(Shop(), 20, 1)
    shop.trash(15)
    with Case(shop) as case:
        answer, kept = case.rest._get, {}

        def cached(path: str, query: Any) -> Any:
            if path not in kept:
                kept[path] = answer(path, query)
            return replace(kept[path])

        case.rest._get = cached  # type: ignore[method-assign]
        with pytest.raises(TransientError, match="another status"):
            pull(case.woo, "orders")
        kept.clear()
        with pytest.raises(TransientError, match="same page twice"):
            pull(case.open(page_size=5, hidden_statuses=[]), "orders")


def test_a_row_that_may_not_be_read_is_no_end() -> None:
    shop = Shop()
    for n in range(17):
        shop.add_order(modified=FOLD + timedelta(minutes=n))
    with Case(shop) as case:
        write = case.rest._list

        def without(path: str, found: Any, show: Any, query: Any) -> Any:
            kept = [entry for entry in found.entries if entry["id"] % 5]
            return write(path, replace(found, entries=kept), show, query)

        case.rest._list = without  # type: ignore[method-assign]
        given = {int(order.external_id) for order in pull(case.open(page_size=5), "orders")}
        assert given == {id for id in shop.orders if id % 5}


def test_headers_that_somebody_took_away_are_not_needed() -> None:
    shop = crowded(Shop(), 23, 2)
    with Case(shop) as case:
        write = case.rest._list

        def bare(*arguments: Any) -> Any:
            reply = write(*arguments)
            reply.headers = {"Content-Type": "application/json"}
            return reply

        case.rest._list = bare  # type: ignore[method-assign]
        assert len(pull(case.open(page_size=5), "orders")) == 23


def test_every_setting_of_the_page_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = crowded(Shop(zone="America/New_York", hpos=False), 40, 5)
    with Case(shop) as case:
        for size in (2, 3, 7, 40, 41, 100):
            given = [order.external_id for order in pull(case.open(page_size=size), "orders")]
            assert sorted(given, key=int) == [str(id) for id in shop.orders]
