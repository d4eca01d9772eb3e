"""Lists by the time of change: nothing is lost in them, however they move while they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.sdk import Changes, Cursor, TransientError, read_all, walk_changes

START = datetime(2026, 3, 1, tzinfo=UTC)
Row = dict[str, Any]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class List:
    """A platform's list: pages of `size`, told times in milliseconds, and something done after each page."""

    def __init__(self, *minutes: float, size: int = 3) -> None:
        self.rows: list[Row] = [{"id": n, "at": at(m)} for n, m in enumerate(minutes)]
        self.size = size
        self.asked: list[Changes] = []
        self.after_page: Callable[[], None] = lambda: None
        self.cursor = Cursor()

    def __call__(self, changes: Changes) -> tuple[list[Row], int]:
        self.asked.append(changes)
        rows = [
            dict(row)
            for row in self.rows
            if (changes.since is None or row["at"] >= changes.since)
            and (changes.until is None or row["at"] < changes.until)
        ]
        # Of records of one moment the order says nothing, and is another one every time.
        turn = len(self.asked) % 2 == 0
        rows.sort(key=lambda row: row["id"], reverse=turn and not changes.by_id)
        if not changes.by_id:
            rows.sort(key=lambda row: row["at"])
        page = rows[changes.skip : changes.skip + self.size], len(rows)
        self.after_page()
        return page

    def walk(self, since: Cursor | None = None) -> list[Row]:
        """What a walk gives; every cursor on the way must be true."""
        given: list[Row] = []
        for page in walk_changes(since or Cursor(), self, lambda row: row["at"]):
            given += page.payloads
            self.cursor = page.cursor
            known = {(row["id"], row["at"]) for row in given}
            assert page.cursor.token is None
            behind = [row for row in self.rows if page.cursor.at and row["at"] < page.cursor.at]
            if since is None:
                assert {(row["id"], row["at"]) for row in behind} <= known
        return given


def test_every_record_once_where_nothing_moves() -> None:
    assert [row["id"] for row in List(*range(10)).walk()] == list(range(10))


@pytest.mark.parametrize("many", [2, 3, 4, 7, 9])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_records_of_one_moment_are_all_given_once(before: int, many: int) -> None:
    shop = List(*range(before), *[50] * many, 60, 61)
    ids = [row["id"] for row in shop.walk()]
    assert sorted(ids) == list(range(before + many + 2))


def test_a_walk_from_a_time_gives_what_changed_at_it_too() -> None:
    shop = List(1, 2, 2, 2, 2, 3)
    assert {row["id"] for row in shop.walk(Cursor(at=at(2)))} == {1, 2, 3, 4, 5}
    assert shop.walk(Cursor(at=at(9))) == []


def test_a_walk_until_a_time_ends_before_it() -> None:
    shop = List(1, 2, 3, 4, 5, 6)
    pages = list(walk_changes(Cursor(until=at(5)), shop, lambda row: row["at"]))
    assert [row["id"] for page in pages for row in page.payloads] == [0, 1, 2, 3]
    assert {page.cursor.until for page in pages} == {at(5)}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=25),
    st.integers(1, 4),
    st.lists(st.integers(0, 24), max_size=12),
)
def test_nothing_is_lost_when_records_change_meanwhile(times: list[int], size: int, moved: list[int]) -> None:
    shop, turns, clock = List(*times, size=size), iter(moved), iter(range(100, 1000))

    def move() -> None:
        row = shop.rows[next(turns, 0) % len(shop.rows)] if (n := next(clock)) < 100 + len(moved) else None
        if row is not None:
            row["at"] = at(n)

    shop.after_page = move
    given = shop.walk()
    assert {row["id"] for row in shop.rows} == {row["id"] for row in given}
    shop.after_page = lambda: None
    given += shop.walk(shop.cursor)
    assert {(row["id"], row["at"]) for row in shop.rows} <= {(row["id"], row["at"]) for row in given}


def test_a_record_that_leaves_its_moment_hides_no_other() -> None:
    shop = List(*[1] * 8, size=3)

    def leave() -> None:
        if sum(asked.by_id for asked in shop.asked) == 1:
            shop.rows[0]["at"] = at(9)

    shop.after_page = leave
    assert {row["id"] for row in shop.walk()} == set(range(8))


def test_a_page_that_comes_again_because_others_left_is_no_repetition() -> None:
    shop = List(*[1] * 3, size=1)

    def leave() -> None:
        if sum(asked.by_id for asked in shop.asked) == 1:
            shop.rows[2]["at"] = at(9)

    shop.after_page = leave
    assert {row["id"] for row in shop.walk()} == {0, 1, 2}


def test_a_platform_that_gives_less_than_a_page_is_asked_again() -> None:
    shop = List(*range(9), size=2)
    assert len(shop.walk()) == 9


@pytest.mark.parametrize(
    "spoilt",
    [
        ([{"id": 1, "at": at(2)}, {"id": 2, "at": at(1)}], 2),
        ([], 4),
        ([{"id": 1}], 1),
    ],
)
def test_an_answer_that_cannot_be_a_page_ends_the_walk(spoilt: tuple[list[Row], int]) -> None:
    with pytest.raises(TransientError):
        list(walk_changes(Cursor(), lambda changes: spoilt, lambda row: row["at"]))


@pytest.mark.parametrize("minutes", [(1, 2, 3, 4), (1, 1, 1, 1)])
def test_a_platform_that_repeats_a_page_does_not_make_it_loop(minutes: tuple[int, ...]) -> None:
    first = List(*minutes)(Changes())
    with pytest.raises(TransientError):
        list(walk_changes(Cursor(), lambda changes: first, lambda row: row["at"]))


class Silent(List):
    """Says of no list how long it is, and knows the numbers of pages alone."""

    def __call__(self, changes: Changes) -> tuple[list[Row], int | None]:  # type: ignore[override]
        rows, _ = super().__call__(replace(changes, skip=(changes.page - 1) * self.size))
        return rows, None


@pytest.mark.parametrize("many", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("before", [0, 1, 3])
def test_a_platform_that_does_not_count_is_read_to_its_end(before: int, many: int) -> None:
    shop = Silent(*range(before), *[50] * many, 60, 61)
    assert {row["id"] for row in shop.walk()} == set(range(before + many + 2))


@pytest.mark.parametrize("leaves_after", range(1, 8))
def test_a_record_that_leaves_an_uncounted_moment_hides_no_other(leaves_after: int) -> None:
    shop = Silent(*[1] * 8, size=3)

    def leave() -> None:
        if sum(asked.by_id for asked in shop.asked) == leaves_after:
            shop.rows[0]["at"] = at(9)

    shop.after_page = leave
    assert {row["id"] for row in shop.walk()} == set(range(8))


class Coarse(List):
    """Tells and takes whole seconds."""

    def __call__(self, changes: Changes) -> tuple[list[Row], int]:
        whole = changes.since and changes.since.replace(microsecond=0)
        return super().__call__(replace(changes, since=whole))

    def walk(self, since: Cursor | None = None) -> list[Row]:
        pages = walk_changes(since or Cursor(), self, lambda row: row["at"], moment=timedelta(seconds=1))
        return [row for page in pages for row in page.payloads]


def test_a_moment_of_a_second_is_passed_where_times_are_told_in_seconds() -> None:
    shop = Coarse(1, *[2] * 8, 3, 3, 4, size=2)
    assert {row["id"] for row in shop.walk()} == set(range(12))


def test_a_platform_that_tells_times_less_finely_than_said_ends_the_walk() -> None:
    class Coarse(List):
        def __call__(self, changes: Changes) -> tuple[list[Row], int]:
            since, until = (t and t.replace(microsecond=0) for t in (changes.since, changes.until))
            return super().__call__(replace(changes, since=since, until=until))

    with pytest.raises(TransientError, match="less finely than `moment`"):
        Coarse(1, 1, 1, 1, 2).walk()


def test_a_row_is_completed_once_however_often_it_is_read() -> None:
    shop, completed = List(1, 2, 2, 2, 2, 3, 4), list[int]()

    def complete(row: Row) -> Row:
        completed.append(row["id"])
        return {**row, "lines": []}

    pages = list(walk_changes(Cursor(), shop, lambda row: row["at"], complete=complete))
    given = [row for page in pages for row in page.payloads]
    assert sorted(completed) == sorted(row["id"] for row in given) == list(range(7))
    assert all(row["lines"] == [] for row in given)


def test_the_field_that_says_when_a_row_changed() -> None:
    rows = [{"changed": "2026-03-01T00:00:00Z"}, {"changed": "Sun, 01 Mar 2026 08:05:00 +0800"}]
    *_, last = walk_changes(Cursor(), lambda asked: (rows, 2), "changed")
    assert last.cursor.at == at(5)
    with pytest.raises(TransientError, match="does not say when"):
        list(walk_changes(Cursor(), lambda asked: ([{"changed": None}], 1), "changed"))


def test_a_page_that_is_not_full_says_how_many_there_are() -> None:
    asked = Changes(skip=50, page=2)
    assert (asked.total([1] * 50, 50), asked.total([1] * 3, 50), asked.total([], 50)) == (None, 53, 50)


@pytest.mark.parametrize("held", [0, 1, 3, 4, 6, 7])
@pytest.mark.parametrize("told", [True, False])
def test_a_short_list_in_pages_is_read_whole(held: int, told: bool) -> None:
    def listing(asked: Changes) -> tuple[list[int], int | None]:
        assert (asked.since, asked.until, asked.page) == (None, None, -(-asked.skip // 3) + 1)
        return list(range(held))[asked.skip : asked.skip + 3], held if told else None

    assert read_all(listing) == list(range(held))


def test_a_short_list_that_never_ends_is_no_list() -> None:
    with pytest.raises(TransientError, match="same page twice"):
        read_all(lambda asked: ([1, 2, 3], None))
    with pytest.raises(TransientError, match="gives none"):
        read_all(lambda asked: ([], 3))
