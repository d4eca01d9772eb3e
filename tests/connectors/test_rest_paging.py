"""Every way of paging, where each ends, and how far the cursor moves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_case import START, Api, answer, ids, order, pull
from werkzeug import Request, Response

from crmsync.sdk import Cursor, PermanentError, TransientError

ALL = [order(n) for n in range(5)]
CHANGES = {"param": "since", "field": "changed", "overlap": "0s"}


def by_page(request: Request) -> Response:
    page, size = int(request.args["page"]), int(request.args.get("size", 2))
    return answer({"data": ALL[(page - 1) * size : page * size], "total": 5, "pages": 3, "more": page < 3})


def by_offset(request: Request) -> Response:
    offset = int(request.args["offset"])
    return answer({"data": ALL[offset : offset + 2], "total": 5, "more": offset < 4})


def by_cursor(request: Request) -> Response:
    start = int(request.args.get("after", "c0")[1:])
    return answer({"data": ALL[start : start + 2], "next": f"c{start + 2}" if start + 2 < 5 else None})


def by_link(request: Request) -> Response:
    start = int(request.args.get("s", 0))
    url = f"{request.base_url}?s={start + 2}"
    if start + 2 >= 5:
        return answer({"data": ALL[start:], "next": ""}, Link='</>; rel="https://api.w.org/"')
    return answer(
        {"data": ALL[start : start + 2], "next": url}, Link=f'</a>; rel="prev", <{url}>; rel="next"'
    )


@pytest.mark.parametrize(
    ("paging", "handler", "requests"),
    [
        ({"kind": "page", "size_param": "size", "size": 2}, by_page, 4),
        ({"kind": "page", "total": "total"}, by_page, 3),
        ({"kind": "page", "pages": "pages"}, by_page, 3),
        ({"kind": "page", "more": "more"}, by_page, 3),
        ({"kind": "offset"}, by_offset, 4),
        ({"kind": "offset", "total": "total"}, by_offset, 3),
        ({"kind": "offset", "more": "more"}, by_offset, 3),
        ({"kind": "cursor", "param": "after", "next": "next"}, by_cursor, 3),
        ({"kind": "next_url", "next": "next"}, by_link, 3),
        ({"kind": "link_header"}, by_link, 3),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else None,
)
def test_a_way_of_paging_reads_everything_once(
    api: Api, paging: dict[str, Any], handler: Any, requests: int
) -> None:
    api.answers("/orders", handler)
    assert ids(api.orders(records="data", paging=paging)) == [0, 1, 2, 3, 4]
    assert len(api.asked) == requests


def test_a_list_without_pages(api: Api) -> None:
    api.says("/orders", ALL)
    assert ids(api.orders()) == [0, 1, 2, 3, 4]


def test_pages_may_begin_at_nought(api: Api) -> None:
    api.answers("/orders", lambda r: answer(ALL if r.args["p"] == "0" else []))
    assert ids(api.orders(paging={"kind": "page", "param": "p", "first": 0})) == [0, 1, 2, 3, 4]


def test_a_short_page_is_not_the_end(api: Api) -> None:
    api.answers("/orders", by_page)
    connector = api.orders(records="data", paging={"kind": "page", "size_param": "limit", "size": 100})
    assert ids(connector) == [0, 1, 2, 3, 4]


def test_parameters_go_with_every_page_but_not_with_a_lone_cursor(api: Api) -> None:
    api.answers("/orders", by_cursor)
    paging = {"kind": "cursor", "param": "after", "next": "next", "size_param": "n", "size": 2}
    pull(api.orders(records="data", params={"all": True}, paging=paging))
    pull(api.orders(records="data", params={"all": True}, paging={**paging, "alone": True}))
    assert api.queries[1] == {"all": "true", "n": "2", "after": "c2"}
    assert api.queries[4] == {"n": "2", "after": "c2"}


@pytest.mark.parametrize(
    "paging",
    [{"kind": "page"}, {"kind": "cursor", "next": "next"}, {"kind": "next_url", "next": "link"}],
    ids=lambda paging: paging["kind"],
)
def test_an_api_that_repeats_itself_is_noticed(api: Api, paging: dict[str, Any]) -> None:
    api.answers("/orders", lambda r: answer({"data": ALL[:2], "next": "same", "link": r.url}))
    with pytest.raises(TransientError, match=r"endpoints\.orders: the API gave the same page twice"):
        pull(api.orders(records="data", paging=paging))


def test_a_next_cursor_that_returns_is_noticed(api: Api) -> None:
    turns = iter(range(100))
    api.answers(
        "/orders", lambda r: answer({"data": [order(next(turns))], "next": "ab"[next(turns) // 2 % 2]})
    )
    with pytest.raises(TransientError, match="the same page twice"):
        pull(api.orders(records="data", paging={"kind": "cursor", "next": "next"}))


def test_a_link_to_another_host_is_not_followed(api: Api) -> None:
    api.says("/orders", {"data": ALL, "next": "http://elsewhere.example/orders"})
    with pytest.raises(PermanentError, match=r"on another host \(elsewhere\.example\)"):
        pull(api.orders(records="data", paging={"kind": "next_url", "next": "next"}))


def test_an_answer_without_a_list_is_no_empty_list(api: Api) -> None:
    api.says("/orders", {"items": []})
    with pytest.raises(TransientError, match="the answer has no list at 'data'"):
        pull(api.orders(records="data"))


def test_a_list_that_ends_before_its_total_is_refused(api: Api) -> None:
    api.says("/orders", {"data": ALL, "next": None, "total": 6})
    with pytest.raises(TransientError, match="the list ended after 5 of 6 records"):
        pull(api.orders(records="data", paging={"kind": "cursor", "next": "next", "total": "total"}))


def moving(request: Request) -> Response:
    """Pages over a list in which the first record is edited after the first page was given."""
    since = request.args.get("since")
    listed = [o for o in moving.list if since is None or o["changed"] >= since.replace("Z", "+00:00")]  # type: ignore[attr-defined]
    page = int(request.args["page"])
    if page == 1 and since is None:
        edited = order(0, minute=60)
        moving.list = [*ALL[1:], edited]  # type: ignore[attr-defined]
    return answer(listed[(page - 1) * 2 : page * 2])


def test_a_list_sorted_by_change_loses_no_record_that_is_pushed_forward(api: Api) -> None:
    moving.list = list(ALL)  # type: ignore[attr-defined]
    api.answers("/orders", moving)
    connector = api.orders(paging={"kind": "page"}, incremental=CHANGES, sorted=True)
    pages = pull(connector)
    assert {payload["id"] for page in pages for payload in page.payloads} == {0, 1, 2, 3, 4}
    assert pages[-1].cursor.at == START + timedelta(minutes=60)


def test_records_of_one_moment_beyond_a_page_are_paged_on(api: Api) -> None:
    same = [order(n, minute=0) for n in range(5)]

    def handler(request: Request) -> Response:
        page = int(request.args["page"])
        return answer(same[(page - 1) * 2 : page * 2])

    api.answers("/orders", handler)
    connector = api.orders(paging={"kind": "page"}, incremental=CHANGES, sorted=True)
    assert set(ids(connector)) == {0, 1, 2, 3, 4}


def test_a_sorted_list_that_leaves_out_the_very_time_is_asked_a_second_earlier(api: Api) -> None:
    listed = [order(n, changed=f"2026-03-01T00:00:0{n // 2}+00:00") for n in range(6)]

    def handler(request: Request) -> Response:
        since = request.args.get("since", "").replace("Z", "+00:00")
        found = [o for o in listed if o["changed"] > since]
        page = int(request.args["page"])
        return answer(found[(page - 1) * 3 : page * 3])

    api.answers("/orders", handler)
    incremental = {**CHANGES, "inclusive": False}
    connector = api.orders(paging={"kind": "page"}, incremental=incremental, sorted=True)
    assert set(ids(connector)) == {0, 1, 2, 3, 4, 5}


def test_a_sorted_list_moves_the_cursor_with_every_page(api: Api) -> None:
    api.answers("/orders", by_cursor)
    paging = {"kind": "cursor", "param": "after", "next": "next"}
    pages = pull(api.orders(records="data", paging=paging, incremental=CHANGES, sorted=True))
    assert [page.cursor.at for page in pages] == [START + timedelta(minutes=n) for n in (1, 3, 4)]


def test_a_list_that_is_not_sorted_as_said_stops(api: Api) -> None:
    api.says("/orders", [order(0, minute=5), order(1, minute=4)])
    with pytest.raises(PermanentError, match="the list is not in the order of 'changed'"):
        pull(api.orders(incremental=CHANGES, sorted=True))


def test_an_unsorted_list_moves_the_cursor_with_its_last_page_alone(api: Api) -> None:
    api.answers("/orders", by_cursor)
    paging = {"kind": "cursor", "param": "after", "next": "next"}
    since = Cursor(at=START)
    pages = pull(api.orders(records="data", paging=paging, incremental=CHANGES), since=since)
    assert [page.cursor.at for page in pages] == [START, START, START + timedelta(minutes=4)]


def test_an_unsorted_walk_never_passes_its_own_beginning(api: Api) -> None:
    """A record changed while paging may stand on a page that was read already."""
    began = api.clock.now()
    late = (began + timedelta(hours=1)).isoformat()
    api.says("/orders", [order(1, changed=late)])
    assert pull(api.orders(incremental=CHANGES))[-1].cursor.at == began


def test_without_a_time_of_change_the_clock_is_trusted(api: Api) -> None:
    api.says("/orders", ALL)
    assert pull(api.orders(incremental={"param": "since"}))[-1].cursor.at == api.clock.now()


def test_nothing_new_leaves_the_cursor(api: Api) -> None:
    api.says("/orders", [])
    assert pull(api.orders(incremental=CHANGES), since=Cursor(at=START))[-1].cursor.at == START


def test_without_a_filter_everything_is_read_every_time(api: Api) -> None:
    api.says("/orders", ALL)
    assert pull(api.orders())[-1].cursor == Cursor()


@pytest.mark.parametrize(
    ("incremental", "written"),
    [
        ({}, "2026-02-28T23:55:00Z"),
        ({"zone": "Asia/Shanghai"}, "2026-03-01T07:55:00+08:00"),
        ({"overlap": "1h"}, "2026-02-28T23:00:00Z"),
        ({"inclusive": False}, "2026-02-28T23:54:59Z"),
        ({"format": "epoch"}, "1772322900"),
        ({"format": "epoch_ms"}, "1772322900000"),
        ({"format": "%Y-%m-%d %H:%M:%S", "zone": "Asia/Shanghai"}, "2026-03-01 07:55:00"),
    ],
)
def test_the_time_of_change_is_asked_for_as_the_api_takes_it(
    api: Api, incremental: dict[str, Any], written: str
) -> None:
    api.says("/orders", [])
    pull(api.orders(incremental={"param": "since", **incremental}), since=Cursor(at=START))
    assert api.queries == [{"since": written}]


def test_a_period_is_asked_for_with_its_end(api: Api) -> None:
    api.says("/orders", ALL)
    connector = api.orders(incremental={**CHANGES, "until_param": "until"})
    until = START + timedelta(minutes=2)
    (page,) = pull(connector, since=Cursor(at=START, until=until))
    assert api.queries == [{"since": "2026-03-01T00:00:00Z", "until": "2026-03-01T00:02:00Z"}]
    assert (page.cursor.at, page.cursor.until) == (until, until)


def test_the_total_is_told_where_the_api_tells_it(api: Api) -> None:
    api.answers("/orders", by_page)
    pages = pull(api.orders(records="data", paging={"kind": "page", "total": "total"}))
    assert [page.total for page in pages] == [5, 5, 5]
