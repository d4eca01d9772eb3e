"""One walk over an endpoint: its pages, and cursors that never lead their data."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from crmsync.sdk import Clock, Cursor, HttpSession, Page, PermanentError, TransientError
from crmsync.sdk.convert import time_reader, time_writer
from crmsync_rest.expression import search
from crmsync_rest.paging import Answered, Ask, pager
from crmsync_rest.settings import Endpoint, RestSettings


class Walk:
    """The list of one endpoint, ready to be read."""

    def __init__(self, name: str, settings: RestSettings, http: HttpSession, clock: Clock) -> None:
        self._where = f"endpoints.{name}"
        self._endpoint: Endpoint = getattr(settings.endpoints, name)
        self._url = settings.base_url + self._endpoint.path
        self._headers = settings.headers
        self._http = http
        self._clock = clock
        self._pager = pager(self._endpoint.paging)
        self._records = search(self._endpoint.records)
        self._total = search(total) if (total := getattr(self._endpoint.paging, "total", None)) else None
        self._incremental = self._endpoint.incremental
        self._changed: Callable[[Any], datetime | None] = lambda record: None
        if self._incremental is not None and self._incremental.field is not None:
            zone = self._incremental.zone or settings.times.zone
            self._changed = _change_time(
                search(self._incremental.field), time_reader(self._incremental.format, zone)
            )

    def pages(self, since: Cursor) -> Iterator[Page]:
        """The records changed since the cursor, or all of them where the API cannot tell.

        The cursor moves with every page only where the list is in the order of change; otherwise a
        later page may hold an earlier change, and it moves with the last one alone.
        """
        started = self._clock.now()
        low = since.at
        if low is not None and self._incremental is not None:
            low -= self._incremental.overlap
        for records, high, total, last in self._read(low, since.until):
            if self._endpoint.sorted:
                at = _latest(since.at, high)
            elif last:
                at = self._reached(since, high, started)
            else:
                at = since.at
            yield Page(records, Cursor(at=at, until=since.until), total)

    def _reached(self, since: Cursor, high: datetime | None, started: datetime) -> datetime | None:
        """Where an unsorted walk stands at its end: a change made meanwhile may have been passed by."""
        if self._incremental is None:
            return None
        if self._incremental.field is None:
            high = started
        if high is None:
            return since.at
        high = min(high, started, since.until or high)
        return _latest(since.at, high)

    def _read(
        self, low: datetime | None, until: datetime | None
    ) -> Iterator[tuple[list[Any], datetime | None, int | None, bool]]:
        """(records, latest change so far, how many there are, whether this is the last page)."""
        ask: Ask | None = self._pager.first(self._ask(low, until))
        asked_from = low
        high = reached = None
        seen = 0
        total: int | None = None
        asked: set[int] = set()
        before: list[Any] = []
        anew = False
        while ask is not None:
            asked.add(_digest(ask))
            response = self._http.request("GET", ask.url, params=_plain(ask.params), headers=self._headers)
            body = response.json()
            records = self._list(body)
            repeats = bool(records) and records == before
            if repeats and not anew:
                raise self._repeated()
            before = records
            seen += len(records)
            reached = self._latest_of(records, reached)
            high = _latest(high, reached)
            answered = Answered(ask, response, body, len(records), seen)
            ask = self._pager.next(answered)
            total = self._count(body) if records else total
            if ask is None and total is not None and seen < total:
                raise TransientError(f"{self._where}: the list ended after {seen} of {total} records.")
            anew = ask is not None and self._endpoint.sorted and self._pager.shifts and high != asked_from
            if anew:
                # A record that changes moves to the end, and every page after its old place moves up:
                # so the list is asked for anew from the last change, not by its next page.
                asked_from, reached, seen, total = high, None, 0, None
                ask = self._pager.first(self._ask(high, until))
            if ask is not None and _digest(ask) in asked:
                raise self._repeated()
            # Asked anew, a page of records of one moment comes again, and has been given already.
            if not repeats:
                yield records, high, total, ask is None

    def _ask(self, low: datetime | None, until: datetime | None) -> Ask:
        ask = Ask(self._url, self._endpoint.params)
        incremental = self._incremental
        if incremental is None:
            return ask
        write = time_writer(incremental.format, incremental.zone)
        params: dict[str, Any] = {}
        if low is not None:
            params[incremental.param] = write(low if incremental.inclusive else low - timedelta(seconds=1))
        if until is not None and incremental.until_param is not None:
            params[incremental.until_param] = write(until)
        return replace(ask, params={**ask.params, **params})

    def _list(self, body: Any) -> list[Any]:
        records = self._records(body)
        if not isinstance(records, list):
            raise TransientError(
                f"{self._where}: the answer has no list at {self._endpoint.records!r}.",
                fix="Check `records`; where the API leaves an empty list out, write 'data || `[]`'.",
            )
        return records

    def _latest_of(self, records: list[Any], reached: datetime | None) -> datetime | None:
        """The latest change of all so far. Raises PermanentError where the order is not what was said."""
        for record in records:
            changed = self._changed(record)
            if changed is None:
                continue
            if reached is not None and changed < reached and self._endpoint.sorted:
                raise PermanentError(
                    f"{self._where}: the list is not in the order of {self._incremental.field!r}.",  # type: ignore[union-attr]
                    fix="Ask for that order in `params`, or take `sorted` away.",
                )
            reached = _latest(reached, changed)
        return reached

    def _count(self, body: Any) -> int | None:
        total = self._total(body) if self._total is not None else None
        return total if isinstance(total, int) else None

    def _repeated(self) -> TransientError:
        return TransientError(
            f"{self._where}: the API gave the same page twice.",
            fix="If it does so after the last page, tell it the end with `total`, `pages` or `more`.",
        )


def _change_time(
    read: Callable[[Any], Any], parse: Callable[[Any], datetime]
) -> Callable[[Any], datetime | None]:
    def changed(record: Any) -> datetime | None:
        # A record whose time cannot be read is quarantined by its mapping; here it only proves nothing.
        try:
            value = read(record)
            return None if value is None or value == "" else parse(value)
        except ValueError:
            return None

    return changed


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((time for time in (one, other) if time is not None), default=None)


def _digest(ask: Ask) -> int:
    return hash(json.dumps([ask.url, ask.params], default=str))


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON would write them: `true`, not Python's `True`."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
