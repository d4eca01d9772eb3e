"""A connector that was opened, and its proof of the credentials."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import requests

from crmsync.sdk import AuthError, Shop, TransientError
from crmsync.testing.conformance.bench import Bench, shown
from crmsync.testing.conformance.check import NotApplicable, Unmet, check
from crmsync.testing.conformance.wire import Fault, Next, refusal, unreachable


@check(
    "Opening it calls nobody",
    "Do in check() or in a stream what calls the platform; the host opens connectors it does not use.",
)
def opening_quiet(bench: Bench) -> None:
    connector = bench.open()
    repr(connector)
    connector.offers()
    connector.accepts()
    connector.identity_scope()
    if bench.wire.calls:
        call = bench.wire.calls[0]
        raise Unmet(f"opening it made {len(bench.wire.calls)} calls, the first {call.method} {call.path}")


@check(
    "check() names the shop",
    "Return a Shop with its name, an ISO 4217 currency and an IANA zone, or None where it has none.",
)
def check_shop(bench: Bench) -> None:
    shop = bench.open().check()
    if not isinstance(shop, Shop) or not shop.name.strip():
        raise Unmet(f"check() returned {shop!r}, not a Shop with a name")
    if shop.currency is not None and not re.fullmatch("[A-Z]{3}", shop.currency):
        raise Unmet(f"{shop.currency!r} is no ISO 4217 currency")
    if shop.zone is not None:
        try:
            ZoneInfo(shop.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Unmet(f"{shop.zone!r} is no IANA zone") from None


@check(
    "Refused credentials are an AuthError",
    "Let the AuthError of self.http through, and raise one yourself where a body says so under status 200.",
)
def check_refused(bench: Bench) -> None:
    def refuse(request: requests.PreparedRequest, _: Next) -> requests.Response:
        return refusal(request, 401, bench.clock.now())

    _expect(bench, refuse, AuthError, "the platform answers 401 to everything")


@check(
    "A platform that is not there is a TransientError",
    "Let the TransientError of self.http through: AuthError would make people look for new credentials.",
)
def check_unreachable(bench: Bench) -> None:
    def nobody(request: requests.PreparedRequest, _: Next) -> requests.Response:
        raise unreachable(request)

    _expect(bench, nobody, TransientError, "nobody answers")


def _expect(bench: Bench, fault: Fault, expected: type[Exception], when: str) -> None:
    connector = bench.open()
    with bench.wire.spoilt(fault):
        try:
            connector.check()
        except expected:
            return
        except Exception as error:
            raise Unmet(f"{when}, and check() raises {shown(error)}") from error
    if not bench.wire.calls:
        raise NotApplicable("check() makes no HTTP calls")
    raise Unmet(f"{when}, and check() is content")
