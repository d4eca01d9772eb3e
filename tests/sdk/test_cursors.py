"""Lists with the platform's own cursor: true cursors on the way, and no end but the true one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmsync.sdk import Cursor, Page, TransientError, listed, walk_cursors

START = datetime(2026, 3, 1, tzinfo=UTC)
Answer = tuple[Sequence[Any], str | None, int | None]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


class List:
    """Records by the minute of their change, in pages of two; a token is where the next one begins."""

    def __init__(self, *minutes: float, tells_total: bool = True) -> None:
        self.minutes = minutes
        self.tells_total = tells_total
        self.asked: list[Cursor] = []

    def __call__(self, cursor: Cursor) -> Answer:
        self.asked.append(cursor)
        first = sum(cursor.at is not None and at(minute) < cursor.at for minute in self.minutes)
        begin = first if cursor.token is None else int(cursor.token)
        token = str(begin + 2) if begin + 2 < len(self.minutes) else None
        return self.minutes[begin : begin + 2], token, len(self.minutes) - first if self.tells_total else None

    def walk(self, since: Cursor | None = None) -> list[Page]:
        return list(walk_cursors(since or Cursor(), self, at))


def test_every_page_says_its_last_change_and_the_place_of_the_next() -> None:
    pages = List(1, 2, 3, 4, 5).walk()
    assert [list(page.payloads) for page in pages] == [[1, 2], [3, 4], [5]]
    assert [page.cursor for page in pages] == [
        Cursor(at(2), "2"),
        Cursor(at(4), "4"),
        Cursor(at(5), None),
    ]
    assert {page.total for page in pages} == {5}


def test_the_question_stays_the_same_but_for_the_place() -> None:
    shop = List(1, 2, 3, 4, 5)
    since = Cursor(at(2), until=at(9))
    assert shop.walk(since)[-1].cursor.until == at(9)
    assert shop.asked == [since, Cursor(at(2), "3", at(9))]


@pytest.mark.parametrize("tells_total", [True, False])
def test_a_walk_goes_on_from_any_page(tells_total: bool) -> None:
    shop = List(*range(9), tells_total=tells_total)
    pages = shop.walk()
    for number, page in enumerate(pages[:-1]):
        assert [p.payloads for p in shop.walk(page.cursor)] == [p.payloads for p in pages[number + 1 :]]


def test_a_list_with_nothing_leaves_the_cursor_where_it_was() -> None:
    [page] = List().walk(Cursor(at(3)))
    assert (list(page.payloads), page.cursor) == ([], Cursor(at(3)))


def test_a_change_from_before_the_question_does_not_move_the_cursor_back() -> None:
    [page] = walk_cursors(Cursor(at(9)), lambda cursor: ([3], None, None), at)
    assert page.cursor.at == at(9)


def test_a_record_whose_time_cannot_be_read_is_left_to_its_mapping() -> None:
    def changed(row: Any) -> datetime:
        return at(row)

    [page] = walk_cursors(Cursor(), lambda cursor: ([1, None, 3], None, None), changed)
    assert page.cursor.at == at(3)
    with pytest.raises(TransientError, match="does not say when"):
        list(walk_cursors(Cursor(), lambda cursor: ([1, None], None, None), changed))


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([([1], "a", None), ([2], "a", None)], "the same page twice"),
        ([([1], "a", None), ([2], "b", None), ([3], "a", None)], "the same page twice"),
        ([([1, 2], "a", 3), ([], None, 3)], "ended its list after 2 of 3"),
        ([([5], "a", None), ([4], None, None)], "not in the order of change"),
        ([(None, None, None)], "not a page of records"),
        ([([1], 7, None)], "not a page of records"),
    ],
)
def test_an_answer_that_cannot_be_the_next_page_ends_the_walk(answers: list[Any], told: str) -> None:
    pages = iter(answers)
    with pytest.raises(TransientError, match=told):
        list(walk_cursors(Cursor(), lambda cursor: next(pages), at))


def test_a_walk_that_was_cut_short_cannot_count_what_came_before() -> None:
    [page] = walk_cursors(Cursor(at(1), "2"), lambda cursor: ([3], None, 3), at)
    assert page.cursor == Cursor(at(3))


def test_the_list_is_found_where_the_answer_has_it() -> None:
    assert listed({"data": {"items": [1]}}, "data", "items") == [1]
    assert listed([1]) == [1]


@pytest.mark.parametrize("path", [(), ("data", "items")])
def test_no_answer_at_all_is_an_empty_list(path: tuple[str, ...]) -> None:
    assert listed(None, *path) == []


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"items": {}}}, [], "text"])
def test_an_answer_without_the_list_is_no_empty_list(body: Any) -> None:
    with pytest.raises(TransientError, match=r"none at 'data\.items'"):
        listed(body, "data", "items")
