"""Reading a list whole while it moves: rows are changed, created and deleted between its pages.

WooCommerce pages by number, and a row that leaves a page that was read shifts the rest past the reader. So
no page is asked for by its number. Rows in the order of a time are asked for anew from the last time that was
given; rows in the order of their ids, and those of one second, by an offset that begins at the last row
given. If another row stands there, rows before it have left, and the reader steps back to its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from crmsync.sdk import PermanentError, TransientError
from crmsync_woocommerce.api import Listed, Row

Ask = Callable[[Row], Listed]

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that were not given before.

    `at`: all that stands before this time has been given. `place`: where to go on by id. `total`: how many
    rows the list had when the walk began.
    """

    rows: list[Row]
    total: int | None
    last: bool
    at: datetime | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A list that can be sorted by a time and asked for from that time on.

    Both filters leave out the second they name. They take UTC without a suffix beside `dates_are_gmt`: with a
    suffix the shop would move the value to its own zone, and compare that with UTC.
    """

    orderby: str
    after: str
    before: str
    field: str
    local: str

    def query(self, since: datetime | None, until: datetime | None) -> Row:
        return {"orderby": self.orderby, "order": "asc", **self.filters(since, until)}

    def filters(self, since: datetime | None, until: datetime | None) -> Row:
        query: Row = {"dates_are_gmt": "true"}
        if since is not None:
            query[self.after] = naive_utc(since - SECOND)
        if until is not None:
            query[self.before] = naive_utc(until + (SECOND if until.microsecond else timedelta()))
        return query

    def time(self, row: Row) -> datetime | None:
        """The row's place; None where it cannot be read, which its mapping will say."""
        try:
            return utc(row.get(self.field))
        except ValueError:
            return None


MODIFIED = Timeline("modified", "modified_after", "modified_before", "date_modified_gmt", "date_modified")
CREATED = Timeline("date", "after", "before", "date_created_gmt", "date_created")


def by_time(
    ask: Ask,
    line: Timeline,
    size: int,
    since: datetime | None,
    until: datetime | None = None,
    zone: tzinfo | None = None,
) -> Iterator[Batch]:
    """The rows from `since` on, in the order of their time.

    `zone` is the shop's: one without order tables of its own sorts by the wall clock, on which an hour comes
    twice when summer time ends.

    Raises PermanentError when the shop neither sorts nor filters as it was asked to, and TransientError when
    it gives one page twice.
    """
    window, offset, total = since, 0, None
    given: set[tuple[str, datetime | None]] = set()
    before, asked = list[Any](), window
    while True:
        listed = ask({**line.query(window, until), **_paged(size, offset)})
        rows, keys = listed.rows, [(str(row.get("id")), line.time(row)) for row in listed.rows]
        if offset and (not rows or keys[0] not in given):
            offset, before = max(0, offset - size), []
            continue
        total = listed.total if total is None else total
        fresh = [row for row, key in zip(rows, keys, strict=True) if key not in given]
        last = listed.ends(offset)
        last = not fresh if last is None else last
        if _is_repeated(keys, before, moved=bool(fresh) or window == asked, last=last):
            raise _repeated()
        before, asked = keys, window
        reached = _last_time(line, rows, window)
        given.update(keys)
        bound = _earliest(reached, zone) if reached is not None else None
        if bound is not None and (window is None or bound > window):
            window = bound
            given = {key for key in given if key[1] is not None and key[1] >= bound}
            # Where a whole page is of one second, asking from that second on would give it again.
            offset = len(rows) - 1 if given.issuperset(keys) else 0
        else:
            offset += max(len(rows) - 1, 0)
        yield Batch(fresh, total, last, at=window)
        if last:
            return


def by_id(ask: Ask, size: int, *, newest_first: bool = False, place: str = "") -> Iterator[Batch]:
    """The rows in the order of their ids, from behind `place` on: ids never change, so nothing is missed.

    Raises as `by_time` does.
    """
    seen, offset = _place(place)
    total = None
    before = list[int]()
    order = {"orderby": "id", "order": "desc" if newest_first else "asc"}
    while True:
        listed = ask({**order, **_paged(size, offset)})
        rows, ids = listed.rows, [_id(row) for row in listed.rows]
        if ids != sorted(set(ids), reverse=newest_first):
            raise _unsorted("id")

        def beyond(id: int, seen: int | None = seen) -> bool:
            return seen is None or (id < seen if newest_first else id > seen)

        if offset and (not rows or beyond(ids[0])):
            offset, before = max(0, offset - size), []
            continue
        total = listed.total if total is None else total
        fresh = [row for row, id in zip(rows, ids, strict=True) if beyond(id)]
        last = listed.ends(offset)
        last = not fresh if last is None else last
        if _is_repeated(ids, before, moved=True, last=last):
            raise _repeated()
        before = ids
        if fresh:
            seen = ids[-1]
        offset += max(len(rows) - 1, 0)
        yield Batch(fresh, total, last, place=f"{seen}@{offset}" if seen is not None else "")
        if last:
            return


def naive_utc(time: datetime) -> str:
    """A time as the filters of orders and refunds take it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc(text: Any) -> datetime | None:
    """The time of a `*_gmt` field, which is UTC and does not say so; None where it is empty.

    Raises ValueError for anything else.
    """
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise ValueError("it is not the text of a time")
    # MySQL's zero date stands for none.
    if text.startswith(("0000-", "-0001-")):
        return None
    time = datetime.fromisoformat(text)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _paged(size: int, offset: int) -> Row:
    return {"per_page": size, **({"offset": offset} if offset else {})}


def _place(place: str) -> tuple[int | None, int]:
    seen, _, offset = place.partition("@")
    return (int(seen), int(offset)) if seen else (None, 0)


def _id(row: Row) -> int:
    try:
        return int(row["id"])
    except (KeyError, TypeError, ValueError):
        raise TransientError("The shop gave a record without an id.") from None


def _last_time(line: Timeline, rows: list[Row], since: datetime | None) -> datetime | None:
    """The time of the last row that has one, once it is sure that the shop did as it was asked."""
    pairs = [(time, str(row.get(line.local))) for row in rows if (time := line.time(row)) is not None]
    if not pairs:
        return None
    times, clocks = [time for time, _ in pairs], [clock for _, clock in pairs]
    if since is not None and min(times) < since.replace(microsecond=0):
        raise PermanentError(
            f"The shop does not know the filter {line.after}: it gave a record from before that time.",
            fix="WooCommerce has it since 5.8; bring the shop up to date.",
        )
    if times != sorted(times) and clocks != sorted(clocks):
        raise _unsorted(line.orderby)
    return times[-1]


def _earliest(time: datetime, zone: tzinfo | None) -> datetime:
    """The first time at which the shop's clock showed what it showed then."""
    return time if zone is None else time.astimezone(zone).replace(fold=0).astimezone(UTC)


def _unsorted(order: str) -> PermanentError:
    return PermanentError(
        f"The shop's list is not in the order that was asked for ({order}).",
        fix="A plugin that changes the API's queries may be the cause; switch it off for the REST API.",
    )


def _is_repeated(keys: list[Any], before: list[Any], *, moved: bool, last: bool) -> bool:
    """Whether a page is the one before it, though the question had `moved` on; a last row may come alone."""
    return moved and bool(keys) and keys == before and (not last or len(keys) > 1)


def _repeated() -> TransientError:
    return TransientError(
        "The shop gave the same page twice.",
        fix="A cache that ignores the query may be the cause; leave /wp-json out of it.",
    )
