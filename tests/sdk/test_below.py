"""Lists below another: whatever moves meanwhile, each parent is read once and none is passed over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.sdk import Changes, Cursor, Page, TransientError, walk_below

START = datetime(2026, 3, 1, tzinfo=UTC)
LATER = START + timedelta(hours=1)
Row = dict[str, Any]


class Nested:
    """Products with reviews, both in pages of `size`, and something done after each call."""

    def __init__(self, *reviews: int, size: int = 2, tells_total: bool = True) -> None:
        self.below = {id: [f"{id}.{n}" for n in range(many)] for id, many in enumerate(reviews, 1)}
        self.size = size
        self.tells_total = tells_total
        self.asked: list[tuple[Any, Changes | None]] = []
        self.after_call: Callable[[], None] = lambda: None

    def parents(self, after: Any) -> tuple[list[Row], int | None]:
        self.asked.append((after, None))
        behind = [{"id": id} for id in sorted(self.below) if after is None or id > after]
        self.after_call()
        return behind[: self.size], len(behind) if self.tells_total else None

    def listing(self, parent: Row, changes: Changes) -> tuple[list[str], int | None]:
        self.asked.append((parent["id"], changes))
        held = list(self.below.get(parent["id"], ()))
        begin = (changes.page - 1) * self.size
        assert not self.tells_total or begin == changes.skip
        self.after_call()
        return held[begin : begin + self.size], len(held) if self.tells_total else None

    def walk(self, since: Cursor | None = None, started: datetime = START) -> list[Page]:
        return list(walk_below(since or Cursor(), started, self.parents, self.listing))

    def whole(self) -> list[str]:
        return [review for reviews in self.below.values() for review in reviews]


def rows(pages: list[Page]) -> list[str]:
    return [row for page in pages for row in page.payloads]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_every_record_below_every_parent_once(size: int) -> None:
    shop = Nested(3, 0, 4, 1, 0, 0, 2, size=size)
    assert rows(shop.walk()) == shop.whole()


def test_only_the_end_says_a_time_and_it_is_when_the_walk_began() -> None:
    *before, last = Nested(3, 0, 4).walk(Cursor(at=START - timedelta(days=1)))
    assert {page.cursor.at for page in before} == {START - timedelta(days=1)}
    assert last.cursor == Cursor(at=START)


def test_a_walk_until_a_time_claims_no_more_than_that() -> None:
    until = START - timedelta(days=3)
    pages = Nested(1, 1).walk(Cursor(until=until))
    assert pages[-1].cursor == Cursor(at=until, until=until)
    assert {page.cursor.until for page in pages} == {until}


def test_the_inner_lists_are_asked_by_id_and_with_the_times_of_the_cursor() -> None:
    shop = Nested(3)
    shop.walk(Cursor(at=START, until=LATER))
    inner = [changes for _, changes in shop.asked if changes is not None]
    assert inner == [
        Changes(START, LATER, by_id=True),
        Changes(START, LATER, by_id=True, skip=2, page=2),
    ]


@pytest.mark.parametrize("tells_total", [True, False])
def test_a_walk_goes_on_from_any_page_and_keeps_the_time_at_which_it_began(tells_total: bool) -> None:
    shop = Nested(3, 0, 4, 1, 0, 0, 0, 5, tells_total=tells_total)
    pages = shop.walk()
    for number, page in enumerate(pages):
        rest = shop.walk(page.cursor, started=LATER)
        assert set(rows(pages[: number + 1])) | set(rows(rest)) == set(shop.whole())
        if page.cursor.token is not None:
            assert rest[-1].cursor.at == START


def test_what_was_read_whole_is_not_read_again() -> None:
    shop = Nested(1, 1, 1, 1)
    cursor = shop.walk()[2].cursor
    shop.asked.clear()
    shop.walk(cursor)
    assert [parent for parent, changes in shop.asked if changes is not None] == [3, 4]


def test_the_place_behind_parents_with_nothing_below_them_is_kept() -> None:
    for tells_total in (True, False):
        pages = Nested(0, 0, 0, 0, size=2, tells_total=tells_total).walk()
        assert [page.cursor.token is None for page in pages] == [False, False, True]
        assert rows(pages) == []


def test_a_page_is_given_as_soon_as_it_is_there() -> None:
    shop = Nested(2, 2, 2, 2)
    next(walk_below(Cursor(), START, shop.parents, shop.listing))
    assert len(shop.asked) == 2


def test_a_shop_with_nothing_has_an_end() -> None:
    [page] = Nested().walk()
    assert (page.payloads, page.cursor) == ([], Cursor(at=START))


@pytest.mark.parametrize("token", ["7", "", "not ours", "[1]", '{"a": 1}', '[1, "noon"]', "null"])
def test_a_place_of_another_kind_of_walk_begins_anew(token: str) -> None:
    shop = Nested(1, 2)
    assert rows(shop.walk(Cursor(token=token))) == shop.whole()


def test_parents_may_be_known_by_text_and_otherwise_than_by_their_id() -> None:
    names = ["b", "a", "B", "Ä"]

    def parents(after: Any) -> tuple[list[Row], int | None]:
        begin = names.index(after) + 1 if after else 0
        return [{"node": name} for name in names[begin : begin + 2]], None

    pages = walk_below(
        Cursor(), START, parents, lambda parent, _: ([parent["node"]], 1), lambda parent: str(parent["node"])
    )
    assert rows(list(pages)) == names


@pytest.mark.parametrize(
    "group",
    [
        [{"id": 2}, {"id": 1}],
        [{"id": 1}, {"id": 1}],
        [{"id": "b"}, {"id": "a"}],
    ],
)
def test_an_outer_list_that_repeats_itself_ends_the_walk(group: list[Row]) -> None:
    with pytest.raises(TransientError, match="twice"):
        list(walk_below(Cursor(), START, lambda after: (group, None), lambda parent, _: ([], 0)))


def test_an_outer_list_that_gives_none_of_what_it_has_ends_the_walk() -> None:
    with pytest.raises(TransientError, match="gives none"):
        list(walk_below(Cursor(), START, lambda after: ([], 3), lambda parent, _: ([], 0)))


def test_the_end_of_an_outer_list_that_is_counted_is_not_asked_for() -> None:
    shop = Nested(1, 1, 1, 1, size=2)
    shop.walk()
    assert [after for after, changes in shop.asked if changes is None] == [None, 2]


def test_an_inner_list_that_repeats_itself_ends_the_walk() -> None:
    with pytest.raises(TransientError, match="twice"):
        list(walk_below(Cursor(), START, lambda after: ([{"id": 1}], 1), lambda parent, _: (["a"], 2)))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=9),
    st.integers(1, 3),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["parent", "child", "new"])), max_size=12),
)
def test_nothing_that_stays_is_lost_while_parents_and_children_come_and_go(
    reviews: list[int], size: int, tells_total: bool, moves: list[tuple[int, str]]
) -> None:
    shop, turns = Nested(*reviews, size=size, tells_total=tells_total), iter(moves)

    def move() -> None:
        at, what = next(turns, (0, ""))
        parent = at % (max(shop.below, default=0) + 1)
        if what == "new":
            shop.below[max(shop.below, default=0) + 1] = [f"new {at}"]
        elif what == "parent":
            shop.below.pop(parent, None)
        elif what == "child" and shop.below.get(parent):
            shop.below[parent].pop(0)

    shop.after_call = move
    found = set(rows(shop.walk()))
    # What came after the walk had begun is the next one's.
    assert {review for review in shop.whole() if not review.startswith("new")} <= found
