"""What a connector sends: once, and told truly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import requests

from crmsync.sdk import PermanentError, Unconfirmed
from crmsync.testing.conformance.bench import Bench, shown
from crmsync.testing.conformance.check import NotApplicable, Unmet, check
from crmsync.testing.conformance.wire import Next, refusal, silent


@check(
    "A repeated key does what is declared",
    "Send the key as the platform wants it, or declare `lookup` or `none`: doubtful ones then wait.",
)
def push_repeated(bench: Bench) -> None:
    for connector, name, mode, _ in _pushes(bench):
        before = _effects(bench, name)
        first = bench.platform.push(connector, name, "conformance-1")
        if mode == "key":
            again = bench.platform.push(connector, name, "conformance-1")
            if _effects(bench, name) != before + 1:
                raise Unmet(f"{name} declares `key`, and a repeated key has a second effect")
            if again.reference != first.reference:
                raise Unmet(f"{name}: a repeated key gives another receipt")
        elif mode == "lookup":
            message = bench.platform.message()
            if connector.lookup_message(message, "conformance-unknown") is not None:
                raise Unmet("lookup_message finds a key that was never sent")
            found = connector.lookup_message(message, "conformance-1")
            if found is None or found.reference != first.reference:
                raise Unmet("lookup_message does not find what was sent under a key")
        bench.platform.push(connector, name, "conformance-2")
        if _effects(bench, name) != before + 2:
            raise Unmet(f"{name}: two keys have not two effects")


@check(
    "A refused push is permanent",
    "Let the PermanentError of self.http through: a TransientError would be tried again for days.",
)
def push_refused(bench: Bench) -> None:
    for connector, name, _, known in _pushes(bench):

        def refuse(
            request: requests.PreparedRequest, answer: Next, known: set[str] = known
        ) -> requests.Response:
            if _is_push(request, known):
                return refusal(request, 422, bench.clock.now())
            return answer()

        with bench.wire.spoilt(refuse):
            try:
                bench.platform.push(connector, name, "conformance-3")
            except PermanentError:
                continue
            except Exception as error:
                raise Unmet(f"{name}: 422 raises {shown(error)}") from error
        raise Unmet(f"{name}: 422 is taken for a success")


@check(
    "A push whose answer is lost has one effect",
    "Pass idempotent=True only where the platform drops a repeated key; else let Unconfirmed through.",
)
def push_lost(bench: Bench) -> None:
    for connector, name, mode, known in _pushes(bench):
        before = _effects(bench, name)
        lost: list[bool] = []

        def lose(
            request: requests.PreparedRequest,
            answer: Next,
            known: set[str] = known,
            lost: list[bool] = lost,
        ) -> requests.Response:
            response = answer()
            if _is_push(request, known) and not lost:
                lost.append(True)
                raise silent(request)
            return response

        with bench.wire.spoilt(lose):
            try:
                bench.platform.push(connector, name, "conformance-4")
            except Unconfirmed:
                if mode == "key":
                    raise Unmet(f"{name} declares `key`, and does not use it to try again") from None
            except Exception as error:
                raise Unmet(f"{name}: a lost answer raises {shown(error)}") from error
            else:
                if mode != "key":
                    raise Unmet(f"{name} declares `{mode}`, and a lost answer is taken for a success")
        if _effects(bench, name) != before + 1:
            raise Unmet(f"{name}: after a lost answer it had {_effects(bench, name) - before} effects")


def _pushes(bench: Bench) -> Iterator[tuple[Any, str, str, set[str]]]:
    """A connector that has been in use, for each of its pushes, and where it posts to without pushing."""
    accepted = bench.open().accepts()
    if not accepted:
        raise NotApplicable("it pushes nothing")
    counted = [name for name in accepted if bench.platform.effects(name) is not None]
    if not counted:
        raise NotApplicable("the platform does not count what was pushed: override effects()")
    connectors = {name: bench.open() for name in counted}
    for connector in connectors.values():
        # So that a token that is fetched first is not taken for the push.
        connector.check()
    known = {call.path for call in bench.wire.calls if call.method != "GET"}
    for name, connector in connectors.items():
        yield connector, name, accepted[name], known


def _effects(bench: Bench, name: str) -> int:
    return bench.platform.effects(name) or 0


def _is_push(request: requests.PreparedRequest, known: set[str]) -> bool:
    document = _document(request)
    if document is not None:
        return document.lstrip().startswith("mutation")
    path = "/" + (request.url or "").partition("?")[0].split("/", 3)[3]
    return request.method != "GET" and path not in known


def _document(request: requests.PreparedRequest) -> str | None:
    """What a GraphQL request asks; its queries and its mutations all go to one path."""
    try:
        document = json.loads(request.body or b"")["query"]
    except (ValueError, TypeError, KeyError):
        return None
    return document if isinstance(document, str) else None
