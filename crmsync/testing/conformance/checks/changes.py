"""Walks over a platform that moves, or says something new."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import requests

from crmsync.sdk import Record
from crmsync.testing.conformance.bench import Bench, payloads_of, shown, stored
from crmsync.testing.conformance.check import NotApplicable, Unmet, check
from crmsync.testing.conformance.wire import Fault, Next, body_of, records_in, rewritten


@check(
    "Records that changed in one moment are all seen",
    "Ask for changes at or after a time, and page by the platform's own cursor or by (time, id).",
)
def ties(bench: Bench) -> None:
    tried = False
    for stream in bench.streams():
        bench.pages(stream)
        tied = set(bench.platform.tie(stream, 2 * bench.platform.page_size + 1))
        if not tied:
            continue
        tried = True
        pages = bench.walk(stream)
        if tied - _ids(bench, stream, pages):
            raise Unmet(f"{stream}: of {len(tied)} records of one moment some are lost at a page's edge")
        for number in range(len(pages) - 1):
            rest = bench.walk(stream, bench.back(stream, stored(pages[number].cursor)))
            if tied - _ids(bench, stream, pages[: number + 1]) - _ids(bench, stream, rest):
                raise Unmet(f"{stream}: going on from a page that ends within one moment loses records")
    if not tried:
        raise NotApplicable("the platform cannot let records change in one moment: override tie()")


@check(
    "The next run sees what changed",
    "End a walk with a cursor whose `at` is the last change given, not later; ask at or after it.",
)
def changes_seen(bench: Bench) -> None:
    tried = False
    for stream in bench.streams():
        pages = bench.pages(stream)
        changed = set(bench.platform.change(stream))
        if not changed or not pages:
            continue
        tried = True
        seen = _ids(bench, stream, bench.walk(stream, bench.back(stream, stored(pages[-1].cursor))))
        if changed - seen:
            raise Unmet(f"{stream}: a record that changed after a walk is not in the next one")
    if not tried:
        raise NotApplicable("the platform cannot let a record change: override change()")


@check(
    "One malformed record costs no other",
    "Read a record's fields in the stream's mapping, and in the walk only what the walk itself needs.",
)
def malformed_alone(bench: Bench) -> None:
    bench.calls_on_the_wire()
    for stream in bench.streams():
        clean = bench.pages(stream)
        if len(clean[0].payloads) < 3:
            continue
        with bench.wire.spoilt(_garble_one()):
            try:
                pages = bench.walk(stream)
            except Exception as error:
                raise Unmet(f"{stream}: one malformed record ends the walk with {shown(error)}") from error
        if len(payloads_of(pages)) != len(payloads_of(clean)):
            raise Unmet(f"{stream}: with one malformed record others are missing")
        record_of, failed = bench.mapping(stream), 0
        for payload in (payload for page in pages for payload in page.payloads):
            try:
                record_of(payload)
            except Exception:
                failed += 1
        if failed > 1:
            raise Unmet(f"{stream}: with one malformed record {failed} are refused")


@check(
    "Fields it does not know are left alone",
    "Pick the fields you need, and do not refuse a payload for having others: platforms add fields.",
)
def extra_fields(bench: Bench) -> None:
    bench.calls_on_the_wire()

    def widen(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        response = answer()
        body = body_of(response)
        return rewritten(request, response, _widened(body)) if records_in(body) else response

    for stream in bench.streams():
        clean = [_known(record) for _, record in bench.records(stream)]
        with bench.wire.spoilt(widen):
            try:
                pages = bench.walk(stream)
                record_of = bench.mapping(stream)
                made = [record_of(payload) for page in pages for payload in page.payloads]
            except Exception as error:
                raise Unmet(f"{stream}: a new field in the answers raises {shown(error)}") from error
        if [_known(record) for record in made if record is not None] != clean:
            raise Unmet(f"{stream}: a new field in the answers changes the records")


def _known(record: Record) -> Record:
    """The record but for its id, which a check of its own is for."""
    return msgspec.structs.replace(record, external_id="-")


def _ids(bench: Bench, stream: str, pages: list[Any]) -> set[str]:
    record_of = bench.mapping(stream)
    records = (record_of(payload) for page in pages for payload in page.payloads)
    return {record.external_id for record in records if record is not None}


def _widened(value: Any) -> Any:
    if isinstance(value, dict):
        return {**{name: _widened(inner) for name, inner in value.items()}, "x_new_field": {"since": [2]}}
    return [_widened(inner) for inner in value] if isinstance(value, list) else value


def _garble_one() -> Fault:
    """The first list that comes has one record whose fields are not what they were."""
    done: list[bool] = []

    def fault(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        response = answer()
        body = copy.deepcopy(body_of(response))
        rows = records_in(body)
        if done or len(rows) < 3:
            return response
        done.append(True)
        garble(rows[len(rows) // 2])
        return rewritten(request, response, body)

    return fault


def garble(row: dict[str, Any]) -> None:
    """Spoil every field but those that say which record this is and when it changed."""
    for name in list(_spoilable(row)):
        row[name] = {"malformed": True} if not isinstance(row[name], dict | list) else "malformed"


def _spoilable(row: dict[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        if not name.lower().endswith("id") and not _is_time(value):
            yield name


def _is_time(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value > 1e9
    if not isinstance(value, str) or len(value) < 8:
        return False
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError):
            read(value)
            return True
    return False
