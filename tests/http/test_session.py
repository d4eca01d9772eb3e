"""The session against servers that answer well, badly, late, and not at all. All over real sockets."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
import urllib3
from faulty_server import RawServer, answer, closed_port, drips, hangs, resets, sends
from pytest_httpserver import HTTPServer
from session_opener import Http
from werkzeug import Request, Response

from crmsync.sdk import (
    AuthError,
    BearerToken,
    Limits,
    Patience,
    PermanentError,
    Rate,
    RateLimited,
    Stopped,
    TransientError,
    Unconfirmed,
)
from crmsync.sdk.http.failure import broken
from crmsync.sdk.http.origin import Origin

GOOD = sends(answer(body=b'{"id": 1}'))


def in_turn(*responses: Response) -> Callable[[Request], Response]:
    """A handler that gives the first response first, and the last one for ever."""
    pending = list(responses)
    return lambda request: pending.pop(0) if len(pending) > 1 else pending[0]


def asked(server: HTTPServer) -> int:
    return len(server.log)


# What comes back


def test_numbers_with_a_point_come_as_decimal(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_data('{"paid": 19.90, "n": 3}')
    body = http.open().get_json(httpserver.url_for("/o"))
    assert (body["paid"], type(body["n"])) == (Decimal("19.90"), int)


def test_parameters_and_headers_reach_the_platform(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o", query_string="page=2", headers={"X-Shop": "7"}).respond_with_json([])
    assert http.open().get_json(httpserver.url_for("/o"), params={"page": 2}, headers={"X-Shop": "7"}) == []


def test_a_time_goes_as_iso_8601_and_none_is_left_out(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json([])
    params = {"since": datetime(2026, 3, 1, tzinfo=UTC), "until": None, "ids": [1, 2]}
    http.open().get_json(httpserver.url_for("/o"), params=params)
    [(request, _)] = httpserver.log
    assert request.args.to_dict(flat=False) == {"since": ["2026-03-01T00:00:00+00:00"], "ids": ["1", "2"]}


def test_a_body_in_another_charset_is_read_as_its_header_says(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_data(
        '{"名": "王"}'.encode("gbk"), content_type="application/json; charset=gbk"
    )
    assert http.open().get_json(httpserver.url_for("/o")) == {"名": "王"}


def test_the_environment_changes_nothing(
    http: Http, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / ".netrc").write_text("machine localhost login me password leak")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    httpserver.expect_request("/o").respond_with_json({})
    http.open().get_json(httpserver.url_for("/o"))
    assert "Authorization" not in httpserver.log[0][0].headers


# Failures that pass


FAULTS = {
    "reset before headers": resets(),
    "reset mid-body": resets(answer(body=b'{"a', length=100)),
    "no answer": hangs(1.2),
    "no end": hangs(1.2, answer(body=b'{"a', length=100)),
    "dripping": drips(2),
    "truncated": sends(answer(body=b'{"a": 1}', length=100)),
    "broken chunks": sends(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"\r\nzz\r\n'),
    "no http": sends(b"\x00\x01\x02 hello\r\n\r\n"),
    "half gzip": sends(answer("200 OK", b"\x1f\x8bnonsense", "Content-Encoding: gzip")),
    "408": sends(answer("408 Request Timeout")),
    "425": sends(answer("425 Too Early")),
    "429": sends(answer("429 Too Many Requests")),
    "500": sends(answer("500 Internal Server Error")),
    "502 html": sends(answer("502 Bad Gateway", b"<html>bad gateway</html>")),
    "503": sends(answer("503 Service Unavailable")),
    "504": sends(answer("504 Gateway Timeout")),
    "no json": sends(answer(body=b"<html>ok</html>")),
    "empty": sends(answer(body=b"")),
    "wrong charset": sends(answer("200 OK", b'{"a": "\xff"}')),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_read_recovers(fault: str, http: Http, raw: RawServer) -> None:
    raw.play(FAULTS[fault], GOOD)
    assert http.open().get_json(raw.url()) == {"id": 1}
    assert len(raw.requests) == 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_ends_without_a_hot_loop(fault: str, http: Http, raw: RawServer) -> None:
    raw.play(FAULTS[fault])
    begun = http.clock.now()
    with pytest.raises((TransientError, RateLimited), match=r"GET 127.0.0.1:\d+/orders: .*\(try 3 of 3\)"):
        http.open(patience=Patience(tries=3)).get_json(raw.url() + "?token=hush")
    assert len(raw.requests) == 3
    assert len(http.clock.slept) == 2
    assert http.clock.now() > begun


def test_a_body_nested_too_deep_is_no_json(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(body=b"[" * 100_000)), GOOD)
    gc.disable()  # a finalizer that happens to run at the bottom of the recursion would complain
    try:
        assert http.open().get_json(raw.url()) == {"id": 1}
    finally:
        gc.enable()


def test_a_dripping_answer_is_cut_off(http: Http, raw: RawServer) -> None:
    raw.play(drips(2))
    with pytest.raises(TransientError, match=r"not complete after 0\.8 s"):
        http.open(patience=Patience(tries=1)).get_json(raw.url())


def test_nobody_listens(http: Http) -> None:
    with pytest.raises(TransientError, match=r"no connection \(try"):
        http.open().get_json(f"http://127.0.0.1:{closed_port()}/orders")
    assert len(http.clock.slept) == 3


def test_a_name_that_does_not_resolve(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TransientError, match="the host name cannot be resolved"):
        http.open().get_json("http://shop.invalid/orders")


def test_no_connection_in_time_means_that_nothing_was_sent() -> None:
    timeout = urllib3.exceptions.ConnectTimeoutError("timed out")
    failure = broken(requests.exceptions.ConnectTimeout(timeout))
    assert (failure.why, failure.sent) == ("no connection in time", False)


def test_own_waits_grow_with_full_jitter_and_keep_to_the_budget(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["500"])
    with pytest.raises(TransientError):
        http.open(patience=Patience(tries=30, base=1, longest=8, budget=40)).get_json(raw.url())
    slept = http.clock.slept
    assert len(slept) < 29, "the budget ends it, not the number of tries"
    assert sum(slept) <= 40
    for index, pause in enumerate(slept):
        assert 0 < pause <= min(2**index, 8)


def test_an_error_names_neither_query_nor_body_nor_contact(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("404 alice@example.com", b"alice@example.com")))
    with pytest.raises(PermanentError) as failure:
        http.open().request("GET", raw.url("/customers/alice@example.com?key=hush"))
    told = str(failure.value)
    assert "404 Not Found" in told
    assert "alice" not in told
    assert "hush" not in told


def test_not_even_a_traceback_shows_the_query(http: Http) -> None:
    secret = "".join(["hu", "sh"])  # the traceback quotes these lines too
    url = f"http://127.0.0.1:{closed_port()}/o?key={secret}"
    with pytest.raises(TransientError) as failure:
        http.open().get_json(url, params={"token": secret})
    shown = "".join(traceback.format_exception(failure.value))
    assert "no connection" in shown
    assert secret not in shown


# Failures that stay


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentError),
        (401, AuthError),
        (403, AuthError),
        (404, PermanentError),
        (410, PermanentError),
        (422, PermanentError),
        (300, PermanentError),
        (305, PermanentError),
    ],
)
def test_a_refusal_is_not_repeated(
    status: int, error: type[Exception], http: Http, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/o").respond_with_data("", status=status)
    with pytest.raises(error, match=str(status)) as failure:
        http.open().get_json(httpserver.url_for("/o"))
    assert asked(httpserver) == 1
    assert "try" not in str(failure.value), "nothing is tried again"


@pytest.mark.parametrize("status", [400, 422])
def test_a_request_that_is_refused_for_its_content_says_where_the_reason_stands(
    status: int, http: Http, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/o").respond_with_data("hush", status=status)
    with pytest.raises(PermanentError) as failure:
        http.open().get_json(httpserver.url_for("/o"))
    assert "by hand" in failure.value.fix
    assert "hush" not in str(failure.value)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com/x", "//example.com/x", "orders", "http://", "http://[::1/x"],
)
def test_only_http_urls_are_called(url: str, http: Http) -> None:
    with pytest.raises(PermanentError):
        http.open().request("GET", url)


def test_a_host_name_in_chinese_is_the_same_as_its_ascii_form() -> None:
    prepared = requests.Request("GET", "http://商店.中国/o").prepare()
    assert prepared.url is not None
    assert "xn--" in prepared.url
    assert Origin.of(prepared.url) == Origin.of("http://商店.中国/o")


def test_a_user_in_the_url_is_refused_without_showing_it(http: Http, httpserver: HTTPServer) -> None:
    with pytest.raises(PermanentError) as failure:
        http.open().request("GET", httpserver.url_for("/o").replace("://", "://me:hush@"))
    assert "hush" not in str(failure.value)
    assert asked(httpserver) == 0


def test_an_answer_larger_than_the_cap_is_dropped(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(body=b" " * 300_000)))
    with pytest.raises(PermanentError, match="larger than"):
        http.open(limits=Limits(size=200_000)).get_json(raw.url())
    assert len(raw.requests) == 1


def test_a_gzip_bomb_is_stopped_while_it_unfolds(http: Http, raw: RawServer) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    raw.play(sends(answer("200 OK", bomb, "Content-Encoding: gzip")))
    with pytest.raises(PermanentError, match="larger than 1 MB"):
        http.open(limits=Limits(size=1024 * 1024)).get_json(raw.url())


def test_a_gzip_answer_within_the_cap_is_read(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("200 OK", gzip.compress(b'{"id": 1}'), "Content-Encoding: gzip")))
    assert http.open().get_json(raw.url()) == {"id": 1}


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_host_is_followed_signed(
    status: int, http: Http, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/old").respond_with_data("", status=status, headers={"Location": "/new?p=1"})
    httpserver.expect_request("/new", query_string="p=1").respond_with_json({"id": 1})
    assert http.open(auth=BearerToken("hush")).get_json(httpserver.url_for("/old")) == {"id": 1}
    assert httpserver.log[1][0].headers["Authorization"] == "Bearer hush"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "elsewhere", ["http://localhost:{port}/o", "https://127.0.0.1:{port}/o", "http://127.0.0.1:1/o"]
)
def test_a_redirect_elsewhere_is_refused(status: int, elsewhere: str, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(f"{status} Moved", b"", f"Location: {elsewhere.format(port=raw.port)}")))
    with pytest.raises(PermanentError, match="redirects to another host"):
        http.open(auth=BearerToken("hush")).get_json(raw.url())
    assert len(raw.requests) == 1


def test_a_redirect_loop_ends(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_data("", status=302, headers={"Location": "/o"})
    with pytest.raises(PermanentError, match="more than 5 times"):
        http.open().get_json(httpserver.url_for("/o"))
    assert asked(httpserver) == 6


def test_a_redirect_to_nowhere_is_refused(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_data("", status=302)
    with pytest.raises(PermanentError, match="nowhere"):
        http.open().get_json(httpserver.url_for("/o"))


def test_a_moved_post_does_not_turn_into_a_get(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/m").respond_with_data("", status=301, headers={"Location": "/m/"})
    httpserver.expect_request("/m/").respond_with_json({})
    with pytest.raises(PermanentError, match="301 redirects a POST"):
        http.open().request("POST", httpserver.url_for("/m"), json={"text": "hi"})
    assert asked(httpserver) == 1


def test_a_307_sends_the_body_again(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/m").respond_with_data("", status=307, headers={"Location": "/n"})
    httpserver.expect_request("/n", method="POST", json={"text": "hi"}).respond_with_json({"ok": True})
    assert http.open().request("POST", httpserver.url_for("/m"), json={"text": "hi"}).json() == {"ok": True}


def test_credentials_do_not_follow_a_next_link_to_another_host(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json({})
    session = http.open(auth=BearerToken("hush"))
    session.get_json(httpserver.url_for("/o"))
    elsewhere = httpserver.url_for("/o").replace("localhost", "127.0.0.1")
    with pytest.raises(PermanentError, match="do not go to http://127"):
        session.get_json(elsewhere)
    session.allow(elsewhere)
    assert session.get_json(elsewhere) == {}


# What must not be sent twice


@pytest.mark.parametrize(
    "fault",
    ["reset before headers", "no answer", "truncated", "no end", "408", "500", "502 html", "503", "504"],
)
def test_a_post_whose_outcome_is_unknown_is_not_repeated(fault: str, http: Http, raw: RawServer) -> None:
    raw.play(FAULTS[fault], GOOD)
    with pytest.raises(Unconfirmed, match="POST"):
        http.open().request("POST", raw.url("/messages"), json={"text": "hi"})
    assert len(raw.requests) == 1


@pytest.mark.parametrize("fault", ["425", "429"])
def test_a_post_that_was_turned_away_is_repeated(fault: str, http: Http, raw: RawServer) -> None:
    raw.play(FAULTS[fault], GOOD)
    assert http.open().request("POST", raw.url("/messages"), json={"text": "hi"}).json() == {"id": 1}
    assert len(raw.requests) == 2


def test_a_post_that_found_nobody_listening_is_tried_again(http: Http) -> None:
    with pytest.raises(TransientError, match=r"no connection \(try"):
        http.open().request("POST", f"http://127.0.0.1:{closed_port()}/m", json={})
    assert len(http.clock.slept) == 3


def test_a_post_does_not_go_out_on_a_connection_the_platform_has_closed(http: Http, raw: RawServer) -> None:
    raw.play(sends(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), GOOD)
    session = http.open()
    session.request("POST", raw.url("/messages"), json={"n": 1})
    time.sleep(0.1)
    assert session.request("POST", raw.url("/messages"), json={"n": 2}).json() == {"id": 1}


def test_an_idempotent_post_is_repeated(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["reset before headers"], FAULTS["500"], GOOD)
    body = http.open().request_json("POST", raw.url(), json={"q": 1}, idempotent=True)
    assert (body, len(raw.requests)) == ({"id": 1}, 3)


def test_a_put_that_is_declared_not_idempotent_is_not_repeated(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["500"], GOOD)
    with pytest.raises(Unconfirmed):
        http.open().request("PUT", raw.url(), json={}, idempotent=False)


# Errors inside a good status


def says(code: str, error: Exception) -> Callable[[requests.Response], None]:
    def inspect(response: requests.Response) -> None:
        if response.json().get("code") == code:
            raise error

    return inspect


def test_a_passing_error_in_the_body_is_retried(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(body=b'{"code": "busy"}')), GOOD)
    session = http.open(inspect=says("busy", TransientError("The platform is busy.")))
    assert session.get_json(raw.url()) == {"id": 1}


def test_a_passing_error_in_the_body_of_a_post_leaves_its_outcome_unknown(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(body=b'{"code": "busy"}')), GOOD)
    session = http.open(inspect=says("busy", TransientError("The platform is busy.")))
    with pytest.raises(Unconfirmed, match="busy"):
        session.request("POST", raw.url(), json={})


def test_a_quota_error_in_the_body_waits_until_it_says(http: Http, raw: RawServer) -> None:
    until = http.clock.now() + timedelta(seconds=90)
    raw.play(sends(answer(body=b'{"code": "quota"}')), GOOD)
    session = http.open(inspect=says("quota", RateLimited(until=until)))
    assert session.get_json(raw.url()) == {"id": 1}
    assert http.clock.now() == until


@pytest.mark.parametrize("error", [AuthError, PermanentError])
def test_a_lasting_error_in_the_body_is_raised_at_once(
    error: type[Exception], http: Http, raw: RawServer
) -> None:
    raw.play(sends(answer(body=b'{"code": "no"}')))
    with pytest.raises(error, match="no such shop"):
        http.open(inspect=says("no", error("no such shop"))).get_json(raw.url())
    assert len(raw.requests) == 1


def test_an_inspector_that_meets_no_json_has_the_answer_fetched_again(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["no json"], GOOD)
    assert http.open(inspect=says("no", AuthError())).request("GET", raw.url()).json() == {"id": 1}


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body_is_not_inspected(status: str, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer(status, b"")))
    answered = http.open(inspect=says("no", AuthError())).request("POST", raw.url(), json={})
    assert answered.status_code == int(status[:3])


def test_a_bug_in_an_inspector_surfaces(http: Http, raw: RawServer) -> None:
    raw.play(GOOD)
    with pytest.raises(ZeroDivisionError):
        http.open(inspect=lambda response: 1 / 0).get_json(raw.url())


def test_a_body_is_decoded_once(http: Http, raw: RawServer) -> None:
    raw.play(GOOD)
    seen: list[Any] = []
    body = http.open(inspect=lambda response: seen.append(response.json())).get_json(raw.url())
    assert body is seen[0]


# Waiting


def test_calls_are_spaced_and_the_longer_waits_told(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json({})
    session = http.open(rate_limits={"default": Rate(1), "fast": Rate(10)})
    for _ in range(3):
        session.get_json(httpserver.url_for("/o"))
        session.get_json(httpserver.url_for("/o"), quota="fast")
    assert http.clock.slept == [1, 1]
    assert [wait.reason for wait in http.waits] == ["pacing 1/s", "pacing 1/s"]


def test_a_retry_takes_a_slot_of_its_own(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["500"], GOOD)
    begun = http.clock.now()
    http.open(rate_limits={"default": Rate(1, 60)}).get_json(raw.url())
    assert http.clock.now() - begun == timedelta(seconds=60)


def test_waiting_for_a_slow_quota_does_not_use_up_the_budget(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["500"], FAULTS["500"], GOOD)
    session = http.open(rate_limits={"default": Rate(2, 3600)}, patience=Patience(budget=60))
    assert session.get_json(raw.url()) == {"id": 1}
    assert len(raw.requests) == 3


def test_a_set_stop_ends_before_the_next_call(http: Http, raw: RawServer) -> None:
    raw.play(GOOD)
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        http.open(stop=stop).get_json(raw.url())
    assert raw.requests == []


def test_a_stop_during_a_wait_ends_it(http: Http, raw: RawServer) -> None:
    raw.play(FAULTS["500"])
    stop = threading.Event()
    http.clock.sleep = lambda seconds, event=None: event.set()  # type: ignore[method-assign,assignment]
    with pytest.raises(Stopped):
        http.open(stop=stop).get_json(raw.url())
    assert len(raw.requests) == 1


def test_threads_share_a_session(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json({"id": 1})
    session = http.open()
    bodies: list[Any] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(session.get_json(httpserver.url_for("/o"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bodies == [{"id": 1}] * 8


def test_json_is_asked_for_by_its_name(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json([])
    session = http.open()
    session.get_json(httpserver.url_for("/o"))
    session.get_json(httpserver.url_for("/o"), headers={"Accept": "application/vnd.shop.v3+json"})
    told = [request.headers["Accept"] for request, _ in httpserver.log]
    assert told == ["application/json", "application/vnd.shop.v3+json"]


def test_an_answer_without_content_is_none_and_no_fault(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_data("", status=204)
    assert http.open().get_json(httpserver.url_for("/o")) is None
    assert asked(httpserver) == 1


@pytest.mark.parametrize("body", ["no such product", '{"error": "no such product"}', ""])
def test_what_is_not_there_is_none_where_404_is_accepted(
    http: Http, httpserver: HTTPServer, body: str
) -> None:
    httpserver.expect_request("/o").respond_with_data(body, status=404)

    def inspect(response: requests.Response) -> None:
        if "error" in response.json():
            raise TransientError("It says so in its body.")

    session = http.open(inspect=inspect)
    assert session.get_json(httpserver.url_for("/o"), accept=[404]) is None
    assert asked(httpserver) == 1
    with pytest.raises(PermanentError, match="404"):
        session.get_json(httpserver.url_for("/o"))


def test_an_accepted_404_to_a_post_is_read(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json({"code": "NO_TEMPLATE"}, status=404)
    answer = http.open().request_json("POST", httpserver.url_for("/o"), accept=[404])
    assert answer == {"code": "NO_TEMPLATE"}


def test_null_is_no_answer_to_a_get(http: Http, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/o").respond_with_json(None)
    session = http.open()
    with pytest.raises(TransientError, match="the answer is null"):
        session.get_json(httpserver.url_for("/o"))
    assert session.request_json("POST", httpserver.url_for("/o")) is None
