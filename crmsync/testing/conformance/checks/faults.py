"""A platform's bad days: pauses, breakdowns, withdrawn tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

import requests

from crmsync.sdk import AuthError
from crmsync.testing.conformance.bench import Bench, payloads_of, shown
from crmsync.testing.conformance.check import Unmet, check
from crmsync.testing.conformance.wire import Fault, Next, refusal


@check(
    "A pause the platform asks for is kept",
    "Call through self.http, and leave waiting to it.",
)
def retry_after(bench: Bench) -> None:
    bench.calls_on_the_wire()
    stream = bench.streams()[0]
    whole = len(payloads_of(bench.pages(stream)))
    for asked, least in (("30", 30), ("a date", 35), ("0", 0), ("-5", 0), ("soon", 0)):
        refused: list[datetime] = []
        again: list[datetime] = []

        def busy(
            request: requests.PreparedRequest,
            answer: Next,
            asked: str = asked,
            refused: list[datetime] = refused,
            again: list[datetime] = again,
        ) -> requests.Response:
            if not _lists(bench, request):
                return answer()
            if not refused:
                refused.append(bench.clock.now())
                date = format_datetime(bench.clock.now() + timedelta(seconds=40), usegmt=True)
                header = date if asked == "a date" else asked
                return refusal(request, 429, bench.clock.now(), Retry_After=header)
            again.append(bench.clock.now())
            return answer()

        _still_whole(bench, busy, f"429 with Retry-After: {asked}", stream, whole)
        waited = (again[0] - refused[0]).total_seconds() if again and refused else 0
        if waited < least:
            raise Unmet(f"asked by Retry-After ({asked}) to wait, it called again after {waited:.1f} s")


@check(
    "A breakdown is tried again",
    "Call through self.http, and do not turn its TransientError into something final.",
)
def server_error(bench: Bench) -> None:
    bench.calls_on_the_wire()
    stream = bench.streams()[0]
    whole, failed = len(payloads_of(bench.pages(stream))), []

    def broken(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        if _lists(bench, request) and len(failed) < 2:
            failed.append(request)
            return refusal(request, 500, bench.clock.now())
        return answer()

    _still_whole(bench, broken, "500 twice, then 200", stream, whole)


@check(
    "A refused token is renewed once, then it is an AuthError",
    "Let TokenAuth or OAuth2ClientCredentials renew it; do not catch AuthError and try again.",
)
def token_refused(bench: Bench) -> None:
    bench.calls_on_the_wire()
    stream = bench.streams()[0]
    whole, refused = len(payloads_of(bench.pages(stream))), []
    renews = hasattr(bench.open().auth(), "refresh")

    def once(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        if _lists(bench, request) and not refused:
            refused.append(request)
            return refusal(request, 401, bench.clock.now())
        return answer()

    if renews:
        _still_whole(bench, once, "one 401", stream, whole)
    refused.clear()

    def always(request: requests.PreparedRequest, answer: Next) -> requests.Response:
        if _lists(bench, request):
            refused.append(request)
            return refusal(request, 401, bench.clock.now())
        return answer()

    with bench.wire.spoilt(always):
        try:
            bench.walk(stream)
        except AuthError:
            pass
        except Exception as error:
            raise Unmet(f"401 to everything raises {shown(error)}") from error
        else:
            raise Unmet("401 to everything is taken for the end of the list")
    if len(refused) > 2:
        raise Unmet(f"refused, it asked {len(refused)} times: platforms lock accounts for that")


@check(
    "Every call has a timeout",
    "Call through self.http alone; requests by itself waits for ever.",
)
def timeouts(bench: Bench) -> None:
    bench.calls_on_the_wire()
    for call in bench.wire.calls:
        if call.timeout is None or (isinstance(call.timeout, tuple) and None in call.timeout):
            raise Unmet(f"{call.method} {call.path} has no timeout")


def _lists(bench: Bench, request: requests.PreparedRequest) -> bool:
    """Whether a request asks for a list of records."""
    path = (request.url or "").partition("?")[0]
    return any(path.endswith(known) for known in bench.wire.lists)


def _still_whole(bench: Bench, fault: Fault, what: str, stream: str, whole: int) -> None:
    with bench.wire.spoilt(fault):
        try:
            given = len(payloads_of(bench.walk(stream)))
        except Exception as error:
            raise Unmet(f"{stream}: {what}, and the walk ends with {shown(error)}") from error
    if given != whole:
        raise Unmet(f"{stream}: {what}, and the walk gives {given} of {whole} records")
