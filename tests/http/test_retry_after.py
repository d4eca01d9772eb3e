"""Retry-After in all the ways platforms write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from faulty_server import RawServer, answer, sends
from hypothesis import given, settings
from hypothesis import strategies as st
from session_opener import Http

from crmsync.sdk import Rate, RateLimited
from crmsync.sdk.http.retry_after import retry_after

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = sends(answer(body=b'{"id": 1}'))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("1", 1),
        (" 120 ", 120),
        ("1.5", 1.5),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("Sun, 01 Mar 2026 13:00:00 +0000", 3600),
        ("1000000000", 86400),
        ("9" * 400, 86400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
    ],
)
def test_a_hint_is_read(header: str, seconds: float) -> None:
    assert retry_after(header, NOW) == NOW + timedelta(seconds=seconds)


def test_a_date_counts_from_the_answers_own_clock() -> None:
    sent = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert retry_after("Wed, 21 Oct 2026 07:30:00 GMT", NOW, sent) == NOW + timedelta(minutes=2)
    assert retry_after("Wed, 21 Oct 2026 07:27:00 GMT", NOW, sent) is None


@pytest.mark.parametrize(
    "header",
    [None, "", "0", "0.0", "-5", "soon", "nan", "inf", "1e9", "１２", "12 s", "Sun, 99 Foo 2026", "\x00",
     format_datetime(NOW - timedelta(seconds=1), usegmt=True), format_datetime(NOW, usegmt=True)],
)  # fmt: skip
def test_what_is_no_hint_is_left_to_our_own_backoff(header: str | None) -> None:
    assert retry_after(header, NOW) is None


@settings(deadline=None)
@given(st.text(max_size=40))
def test_no_header_breaks_it(header: str) -> None:
    asked = retry_after(header, NOW)
    assert asked is None or NOW < asked <= NOW + timedelta(days=1)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize(("header", "seconds"), [("1", 1), ("120", 120), ("1800", 1800), ("date", 120)])
def test_a_pause_is_kept_to_the_second(
    status: str, header: str, seconds: float, http: Http, raw: RawServer
) -> None:
    if header == "date":
        header = format_datetime(http.clock.now() + timedelta(seconds=seconds), usegmt=True)
    raw.play(sends(answer(status, b"", f"Retry-After: {header}")), GOOD)
    begun = http.clock.now()
    assert http.open().get_json(raw.url()) == {"id": 1}
    assert abs((http.clock.now() - begun).total_seconds() - seconds) <= 1
    assert http.waits[0].until == http.clock.now()
    assert http.waits[0].reason == f"{status[:3]} from the platform, try 2 of 4"


@pytest.mark.parametrize("header", ["0", "-5", "soon", "Sun, 01 Mar 2020 00:00:00 GMT"])
def test_a_useless_hint_does_not_burn_the_tries(header: str, http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", f"Retry-After: {header}")))
    with pytest.raises(RateLimited) as limited:
        http.open().get_json(raw.url())
    assert limited.value.until is None
    assert len(raw.requests) == 4
    assert all(pause > 0 for pause in http.clock.slept)


def test_a_pause_longer_than_a_call_may_wait_is_handed_to_the_caller(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", "Retry-After: 7200")))
    with pytest.raises(RateLimited) as limited:
        http.open().get_json(raw.url())
    assert limited.value.until == http.clock.now() + timedelta(seconds=7200)
    assert (http.clock.slept, len(raw.requests)) == ([], 1)


def test_pauses_that_add_up_are_handed_to_the_caller(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", "Retry-After: 1500")))
    with pytest.raises(RateLimited):
        http.open().get_json(raw.url())
    assert (http.clock.slept, len(raw.requests)) == ([1500, 1500], 3)


def test_a_pause_holds_every_session_on_the_quota(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", "Retry-After: 7200")), GOOD)
    rates = {"default": Rate(2)}
    with pytest.raises(RateLimited):
        http.open(rate_limits=rates).get_json(raw.url())
    with pytest.raises(RateLimited, match="no call before 2026-03-01 14:00:00 UTC"):
        http.open(rate_limits=rates).get_json(raw.url())
    assert len(raw.requests) == 1
    http.clock.time += timedelta(hours=2)
    assert http.open(rate_limits=rates).get_json(raw.url()) == {"id": 1}


def test_a_pause_holds_the_session_on_a_quota_without_a_rate(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", "Retry-After: 7200")), GOOD)
    session = http.open()
    with pytest.raises(RateLimited):
        session.get_json(raw.url())
    http.clock.time += timedelta(minutes=90)
    begun = http.clock.now()
    assert session.get_json(raw.url()) == {"id": 1}
    assert http.clock.now() - begun == timedelta(minutes=30)
    assert http.waits[-1].reason == "a pause the platform asked for"


def test_another_quota_goes_on(http: Http, raw: RawServer) -> None:
    raw.play(sends(answer("429 Too Many Requests", b"", "Retry-After: 7200")), GOOD)
    session = http.open(rate_limits={"orders": Rate(2), "reviews": Rate(2)})
    with pytest.raises(RateLimited):
        session.get_json(raw.url(), quota="orders")
    assert session.get_json(raw.url(), quota="reviews") == {"id": 1}
