"""Walks over a platform that stands still: whole, ended, resumed, and never ahead of themselves."""

from __future__ import annotations

import requests

from crmsync.sdk import Cursor, TransientError
from crmsync.testing.conformance.bench import Bench, payloads_of, shown, stored
from crmsync.testing.conformance.check import NotApplicable, Unmet, check
from crmsync.testing.conformance.wire import (
    Fault,
    Next,
    body_of,
    made,
    records_in,
    refusal,
    rewritten,
)


@check(
    "Every stream can be pulled",
    "Pull it by hand against your platform and look at what is raised; a stream needs some records here.",
)
def pulls(bench: Bench) -> None:
    for stream in bench.streams():
        try:
            pages = bench.walk(stream)
        except Exception as error:
            raise Unmet(f"{stream}: {shown(error)}") from error
        if not any(page.payloads for page in pages):
            raise Unmet(f"{stream}: there was no record to try the connector with")


@check(
    "Nothing is left out",
    "Ask for every state and every page; leave records out in the mapping, where it can be seen.",
)
def complete(bench: Bench) -> None:
    counted = False
    for stream in bench.streams():
        held, given = bench.platform.count(stream), len(set(payloads_of(bench.pages(stream))))
        counted = counted or held is not None
        if held is not None and given != held:
            raise Unmet(f"{stream}: the platform holds {held} records, and the walk gave {given}")
    if not counted:
        raise NotApplicable("the platform does not say how many records it has: override count()")


@check(
    "An empty shop is a success",
    "Take an empty list for the end, and yield no page or one without payloads.",
)
def empty_shop(bench: Bench) -> None:
    for stream in bench.streams():
        bench.pages(stream)
    emptied = [bench.platform.keep(stream, 0) for stream in bench.streams()]
    if not all(emptied):
        raise NotApplicable("the platform cannot be emptied: override keep()")
    for stream in bench.streams():
        try:
            pages = bench.walk(stream)
        except Exception as error:
            raise Unmet(f"{stream} of an empty shop raises {shown(error)}") from error
        if any(page.payloads for page in pages):
            raise Unmet(f"{stream} of an empty shop gives records")


@check(
    "A shop that is not there is no empty one",
    "Take a 404 for an empty list only below a record that was just listed; of a wrong address it would "
    "make a shop in which everything is gone.",
)
def missing_shop(bench: Bench) -> None:
    bench.calls_on_the_wire()

    def missing(request: requests.PreparedRequest, _: Next) -> requests.Response:
        return refusal(request, 404, bench.clock.now())

    for stream in bench.streams():
        with bench.wire.spoilt(missing):
            try:
                bench.walk(stream)
            except Exception:
                continue
        raise Unmet(f"{stream}: the platform answers 404 to everything, and that is taken for an empty list")


@check(
    "A last page that is full is the last",
    "Do not take a short page for the only sign of the end, and take an answer without records for one.",
)
def last_full_page(bench: Bench) -> None:
    size, tried = bench.platform.page_size, False
    for stream in bench.streams():
        bench.pages(stream)
        if not bench.platform.keep(stream, 2 * size):
            continue
        tried = True
        try:
            given = len(set(payloads_of(bench.walk(stream))))
        except Exception as error:
            raise Unmet(f"{stream} of two full pages raises {shown(error)}") from error
        if given != 2 * size:
            raise Unmet(f"{stream} of two pages of {size} gives {given} records")
    if not tried:
        raise NotApplicable("the platform cannot be cut to two full pages: override keep()")


@check(
    "A platform that repeats a page does not make it loop",
    "Remember the last page or its cursor, and raise TransientError when it comes again.",
)
def repeated_page(bench: Bench) -> None:
    bench.calls_on_the_wire()
    tried = False
    for stream in bench.streams():
        if len(bench.pages(stream)) < 3:
            continue
        tried = True
        with bench.wire.spoilt(_same_again()):
            try:
                bench.walk(stream)
            except TransientError:
                continue
            except Unmet:
                raise Unmet(
                    f"{stream}: the platform gives one page again and again, and so does it"
                ) from None
            except Exception as error:
                raise Unmet(f"{stream}: a repeated page raises {shown(error)}") from error
        raise Unmet(f"{stream}: a repeated page is taken for the end of the list")
    if not tried:
        raise NotApplicable("no stream has three pages")


def _same_again() -> Fault:
    first: dict[str, requests.Response] = {}

    def fault(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        path = (request.url or "").partition("?")[0]
        if path not in first:
            response = answer()
            if records_in(body_of(response)):
                first[path] = response
            return response
        known = first[path]
        return made(request, known.status_code, known.__dict__["crmsync_body"], dict(known.headers))

    return fault


@check(
    "A walk goes on from any page's cursor",
    "Yield with each page the token that asks for the next one, or an `at` before which all was given.",
)
def resume(bench: Bench) -> None:
    for stream in bench.streams():
        pages = bench.pages(stream)
        step = max(1, len(pages) // 5)
        for number in {*range(0, len(pages), step), len(pages) - 1} if pages else ():
            cursor = bench.back(stream, stored(pages[number].cursor))
            try:
                rest = set(payloads_of(bench.walk(stream, cursor)))
            except Exception as error:
                raise Unmet(f"{stream}: going on from page {number + 1} raises {shown(error)}") from error
            # One that comes again later was stored with the page before: nothing is lost.
            lost = set(payloads_of(pages[number + 1 :])) - set(payloads_of(pages[: number + 1])) - rest
            if lost:
                raise Unmet(
                    f"{stream}: going on from page {number + 1} of {len(pages)} loses {len(lost)} records"
                )


@check(
    "A cursor never leads its data",
    "Let `at` be the last change given, and only on the last page where the list is not in that order.",
)
def cursor_true(bench: Bench) -> None:
    known = False
    for stream in bench.streams():
        pages, record_of = bench.pages(stream), bench.mapping(stream)
        times = []
        for page in pages:
            mapped = []
            for payload in page.payloads:
                try:
                    record = record_of(payload)
                except Exception:
                    continue
                if record is not None and record.updated_at is not None and record.updated_at.tzinfo:
                    mapped.append((record.updated_at, record.external_id))
            times.append(mapped)
        for number, page in enumerate(pages):
            if page.cursor.at is None:
                continue
            known = True
            for later in times[number + 1 :]:
                for changed, id in later:
                    if changed < page.cursor.at:
                        raise Unmet(
                            f"{stream}: page {number + 1} says that all before {page.cursor.at} was given, "
                            f"and {id!r} of {changed} comes later"
                        )
    if not known:
        raise NotApplicable("no cursor says a time")


@check(
    "It asks for the next page when that is wanted",
    "Yield a page as soon as it is there; a list of all pages keeps a whole history in memory.",
)
def lazy(bench: Bench) -> None:
    bench.calls_on_the_wire()
    tried = False
    for stream in bench.streams():
        pages = len(bench.pages(stream))
        if pages < 4:
            continue
        tried = True
        before = len(bench.wire.calls)
        walk = iter(getattr(bench.open(), stream)(Cursor()))
        next(walk)
        first = len(bench.wire.calls) - before
        for _ in walk:
            pass
        whole = len(bench.wire.calls) - before
        if first > whole - (pages - 2):
            raise Unmet(f"{stream}: {first} of {whole} calls were made before the first page came")
    if not tried:
        raise NotApplicable("no stream has four pages")


@check(
    "An answer of another shape is no empty list",
    'Read the list with body["…"], not body.get("…", []), and check that it is one.',
)
def strange_answer(bench: Bench) -> None:
    bench.calls_on_the_wire()
    lists = bench.wire.lists

    def strange(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        response = answer()
        if response.status_code == 200 and any(
            (request.url or "").partition("?")[0].endswith(p) for p in lists
        ):
            return rewritten(request, response, {"surprise": "another version of the API"})
        return response

    for stream in bench.streams():
        with bench.wire.spoilt(strange):
            try:
                bench.walk(stream)
            except Exception:
                continue
        raise Unmet(f"{stream}: an answer without any list is taken for a list without records")
