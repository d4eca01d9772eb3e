"""How a connector behaves beside others: quietly, at its pace, and cleaning up."""

from __future__ import annotations

import copy
from contextlib import suppress
from itertools import zip_longest
from typing import Any

import requests

from crmsync.sdk import Cursor
from crmsync.testing.conformance.bench import Bench, payloads_of, shown
from crmsync.testing.conformance.check import NotApplicable, Unmet, check
from crmsync.testing.conformance.checks.changes import garble
from crmsync.testing.conformance.wire import Next, refusal, unreachable


@check(
    "No secret is logged, shown or put into an error",
    "Log what you do, not what you send; keep secrets in the settings, and let self.http word the errors.",
)
def no_secrets(bench: Bench) -> None:
    secrets = [secret for secret in bench.secrets() if len(secret) > 3]
    if not secrets:
        raise NotApplicable("the settings hold no secret")
    connector = bench.open()
    told = [repr(connector), repr(connector.settings), str(connector.settings)]

    def withdrawn(request: requests.PreparedRequest, _: Next) -> requests.Response:
        return refusal(request, 403, bench.clock.now())

    def nobody(request: requests.PreparedRequest, _: Next) -> requests.Response:
        raise unreachable(request)

    with suppress(Exception):
        connector.check()
    for fault in (withdrawn, nobody):
        with bench.wire.spoilt(fault):
            for act in (bench.open().check, *(lambda s=s: bench.walk(s) for s in bench.streams())):
                try:
                    act()
                except Exception as error:
                    told += [str(error), repr(error)]
    _quiet(secrets, told, "a secret of the settings")
    _quiet(secrets, bench.said.texts, "a secret of the settings")


@check(
    "No contact data is logged or put into an error",
    "Log ids and counts; let an error name the field and the kind of the value, never the row.",
)
def no_contacts(bench: Bench) -> None:
    contacts: list[str] = []
    told: list[str] = []
    for stream in bench.streams():
        record_of = bench.mapping(stream)
        for payload, record in bench.records(stream):
            contacts += contacts_of(record)
            spoilt = copy.deepcopy(payload)
            if not isinstance(spoilt, dict):
                continue
            kept = {name: value for name, value in spoilt.items() if value in contacts}
            garble(spoilt)
            try:
                record_of({**spoilt, **kept})
            except Exception as error:
                told += [str(error), repr(error)]
    if not contacts:
        raise NotApplicable("no record holds an e-mail address or a phone number")
    _quiet(contacts, told, "a customer's contact")
    _quiet(contacts, bench.said.texts, "a customer's contact")


def _quiet(hidden: list[str], told: list[str], what: str) -> None:
    for text in told:
        if any(secret in text for secret in hidden):
            raise Unmet(f"{what} stands in a log record, a repr or an error")


@check(
    "Two connections do not disturb each other",
    "Keep nothing in the class or the module: what a walk remembers belongs into its method's variables.",
)
def instances(bench: Bench) -> None:
    for stream in bench.streams():
        whole = payloads_of(bench.pages(stream))
        one, other = (iter(getattr(bench.open(name), stream)(Cursor())) for name in ("one", "other"))
        first: list[Any] = []
        second: list[Any] = []
        try:
            for left, right in zip_longest(one, other):
                first += [left] if left is not None else []
                second += [right] if right is not None else []
                if len(first) + len(second) > 1000:
                    raise Unmet(f"{stream}: two walks side by side do not end")
        except Unmet:
            raise
        except Exception as error:
            raise Unmet(f"{stream}: two walks side by side raise {shown(error)}") from error
        if payloads_of(first) != whole or payloads_of(second) != whole:
            raise Unmet(f"{stream}: two walks side by side give other records than one alone")


@check(
    "What it opens is closed",
    "Call through self.http, which the host closes; let a walk be closed half-way.",
)
def closes(bench: Bench) -> None:
    for stream in bench.streams():
        bench.pages(stream)
    before, connector = set(bench.wire.used), bench.open()
    for stream in bench.streams():
        walk = iter(getattr(connector, stream)(Cursor()))
        next(walk, None)
        close = getattr(walk, "close", None)
        if close is not None:
            try:
                close()
            except RuntimeError as error:
                raise Unmet(f"{stream}: a walk cannot be closed half-way: {error}") from None
        bench.walk(stream, connector=connector)
    bench.shut(connector)
    left = bench.wire.used - bench.wire.closed - before
    if left:
        raise Unmet(f"{len(left)} sessions were left open after the host had closed the connector's")


@check(
    "The platform's limit is declared and kept",
    "Return the quotas from rate_limits(), and name another than `default` with quota= in each call.",
)
def rate_limit(bench: Bench) -> None:
    bench.calls_on_the_wire()
    limits = bench.open().rate_limits()
    if not limits:
        if bench.platform.unpaced:
            raise NotApplicable(bench.platform.unpaced)
        raise Unmet("rate_limits() is empty; if the platform has no limit, say why in Platform.unpaced")
    interval = min(rate.interval for rate in limits.values())
    for stream in bench.streams():
        before = len(bench.wire.calls)
        bench.walk(stream)
        calls = [call for call in bench.wire.calls[before:] if call.path in bench.wire.lists]
        if len(calls) > 1:
            spent = (calls[-1].at - calls[0].at).total_seconds()
            if spent < 0.99 * interval * (len(calls) - 1):
                raise Unmet(f"{stream}: {len(calls)} calls in {spent:.1f} s are more than it declares")


def contacts_of(record: Any) -> list[str]:
    """The e-mail address and the phone number of a customer."""
    found = (getattr(record, "email", None), getattr(record, "phone", None))
    return [value for value in found if value and len(value) > 5]
