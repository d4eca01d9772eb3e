"""A platform of rows in memory lists them as real ones do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from crmsync.sdk import Changes, Cursor, TransientError, to_time, walk_changes
from crmsync.testing.conformance import MemoryTable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def a_table(count: int = 9, a_second: int = 3) -> MemoryTable:
    """So many rows a second, told as mail tells times: by their text they would be out of order."""
    rows = ({"id": n, "at": format_datetime(NOON + n // a_second * SECOND)} for n in range(count))
    return MemoryTable(rows, changed="at", write=format_datetime)


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


def test_a_part_is_cut_out_of_the_rows_between_the_times() -> None:
    table = a_table()
    assert ids(table.part(0, 99, by_id=True)) == list(range(9))
    assert ids(table.part(1, 2, since=NOON + SECOND, until=NOON + 2 * SECOND, by_id=True)) == [4, 5]


def test_times_are_taken_as_finely_as_they_are_told() -> None:
    table, later = a_table(), NOON + SECOND + timedelta(milliseconds=1)
    assert ids(table.part(0, 99, since=later, by_id=True)) == list(range(3, 9))
    assert ids(table.part(0, 99, until=later, by_id=True)) == list(range(3))


def test_what_changed_in_one_moment_comes_in_another_order_each_time() -> None:
    table = a_table(6)
    assert ids(table.part(0, 3)) + ids(table.part(3, 3)) == [1, 2, 0, 5, 3, 4]
    assert ids(table.part(0, 3)) + ids(table.part(3, 3)) == [0, 1, 2, 4, 5, 3]


def walked(table: MemoryTable, by_id: bool, moment: timedelta) -> set[int]:
    def listing(asked: Changes) -> tuple[list[dict[str, Any]], int | None]:
        by = by_id and asked.by_id
        rows = table.part(asked.skip, 4, since=asked.since, until=asked.until, by_id=by)
        return rows, None if len(rows) == 4 else asked.skip + len(rows)

    pages = walk_changes(Cursor(), listing, lambda row: to_time(row["at"]), moment=moment)
    return {row["id"] for page in pages for row in page.payloads}


def test_a_walk_that_asks_as_it_must_sees_everything() -> None:
    assert walked(a_table(a_second=9), by_id=True, moment=SECOND) == set(range(9))


def test_a_walk_that_never_asks_by_id_is_seen_to_lose_some() -> None:
    assert walked(a_table(a_second=9), by_id=False, moment=SECOND) < set(range(9))


def test_a_walk_with_too_fine_a_moment_is_seen_to_stand_still() -> None:
    with pytest.raises(TransientError, match="less finely than `moment`"):
        walked(a_table(a_second=9), by_id=True, moment=timedelta(milliseconds=1))
