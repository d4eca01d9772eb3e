"""The HTTP session every connector uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import requests

from crmsync.sdk.clock import Clock
from crmsync.sdk.errors import AuthError, PermanentError, RateLimited, TransientError
from crmsync.sdk.http.failure import Broken, Call
from crmsync.sdk.http.origin import Origin
from crmsync.sdk.http.outgoing import REDIRECTS, Outgoing
from crmsync.sdk.http.pacing import Pacer, Wait
from crmsync.sdk.http.retry import Patience, Retry
from crmsync.sdk.http.transport import Limits, Transport
from crmsync.sdk.http.waiting import Waiter
from crmsync.sdk.settings import Rate

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_MOST_REDIRECTS = 5


@runtime_checkable
class Renewable(Protocol):
    """An auth object whose credentials can be renewed when the platform refuses them."""

    def refresh(self, refused: requests.PreparedRequest) -> None: ...


class HttpSession:
    """Times out, paces, retries, caps and redacts every call.

    Credentials go to one origin only: that of the first call, and those given to `allow`. A quota
    without a rate in `rate_limits` is not paced, but a pause the platform asks for is kept.
    """

    def __init__(
        self,
        *,
        connection: str,
        clock: Clock,
        pacer: Pacer,
        auth: requests.auth.AuthBase | None = None,
        inspect: Callable[[requests.Response], None] | None = None,
        rate_limits: Mapping[str, Rate] | None = None,
        on_wait: Callable[[Wait], None] | None = None,
        stop: threading.Event | None = None,
        limits: Limits | None = None,
        patience: Patience | None = None,
        ca_file: Path | str | None = None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._pacer = pacer
        self._auth = auth
        self._inspect = inspect
        self._rates = dict(rate_limits or {})
        self._held: dict[str, datetime] = {}
        self._allowed: set[Origin] = set()
        self._patience = patience or Patience()
        self._waiter = Waiter(clock, stop, on_wait)
        self._transport = Transport(limits, ca_file=ca_file)

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        quota: str = "default",
        idempotent: bool | None = None,
        accept: Collection[int] = (),
    ) -> requests.Response:
        """Send it, waiting and retrying as long as that can help; the answer is a 2xx or a 304.

        `params`: what is None is left out, and a time goes as ISO 8601 writes it.
        `idempotent`: whether sending it twice does no more than sending it once; by default true for
        all but POST and PATCH. A request that is not is never sent again once the server may have seen it.
        `accept`: further statuses to be treated as a 2xx, for the caller reads what their bodies say.

        Raises AuthError (401, 403), RateLimited (429 to the end, or a pause longer than a call may
        wait), TransientError (no answer, 5xx), PermanentError (any other status, a redirect to another
        host, a URL that may not be called, an answer that is too large), Unconfirmed (not idempotent,
        and the outcome is unknown) and Stopped.
        """
        request = Outgoing(method.upper(), url, params, json, data, headers)
        return self._run(request, quota, idempotent, accept, wants_json=False)

    def request_json(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        quota: str = "default",
        idempotent: bool | None = None,
        accept: Collection[int] = (),
    ) -> Any:
        """The JSON body of the answer; numbers with a point come as Decimal.

        None where nothing is there: for a 204, and for a 404 to a GET where 404 is in `accept`.

        Asks for JSON (`Accept`), and a body that is none counts as no answer; so does `null` to a GET. For a
        platform that reads by POST: `idempotent=True`.
        """
        headers = {"Accept": "application/json", **(headers or {})}
        request = Outgoing(method.upper(), url, params, json, data, headers)
        answer = self._run(request, quota, idempotent, accept, wants_json=True)
        return None if request.nothing_at(answer.status_code) else answer.json()

    def get_json(self, url: str, **options: Any) -> Any:
        """GET a JSON body, as `request_json` does."""
        return self.request_json("GET", url, **options)

    def allow(self, url: str) -> None:
        """Credentials may also go to the scheme, host and port of this URL."""
        self._allowed.add(Origin.of(url))

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._transport.close()

    def _run(
        self,
        request: Outgoing,
        quota: str,
        idempotent: bool | None,
        accept: Collection[int],
        *,
        wants_json: bool,
    ) -> requests.Response:
        self._guard(request.url)
        call = Call(
            self._connection,
            request.method,
            request.url,
            idempotent=request.method in _IDEMPOTENT if idempotent is None else idempotent,
            tries=self._patience.tries,
            accept=accept,
        )

        def attempt() -> requests.Response:
            try:
                return self._once(call, request, quota, wants_json)
            except RateLimited as limited:
                if limited.until is not None:
                    self._hold(quota, limited.until)
                raise

        return Retry(call, self._patience, self._waiter).run(attempt)

    def _guard(self, url: str) -> None:
        """Credentials stay where they belong, even when a page names its successor elsewhere."""
        origin = Origin.of(url)
        if self._auth is None or origin in self._allowed:
            return
        if self._allowed:
            raise PermanentError(
                f"The credentials of {self._connection!r} do not go to {origin}.",
                fix="If the platform really lives there too, name it with http.allow(url).",
            )
        self._allowed.add(origin)

    def _once(self, call: Call, request: Outgoing, quota: str, wants_json: bool) -> requests.Response:
        """One try. A token that the platform refuses is renewed once, within the try."""
        response = self._answer(call, request, quota)
        try:
            self._examine(call, request, response, wants_json)
        except AuthError:
            forbidden = response.status_code == HTTPStatus.FORBIDDEN
            if forbidden or call.renewed or not isinstance(self._auth, Renewable):
                raise
            call.renewed = True
            self._auth.refresh(response.request)
            return self._once(call, request, quota, wants_json)
        return response

    def _answer(self, call: Call, request: Outgoing, quota: str) -> requests.Response:
        """What the platform answers, whatever its status, once redirects within its origin are followed."""
        for _ in range(1 + _MOST_REDIRECTS):
            self._pace(call, quota)
            call.status = None
            try:
                prepared = self._transport.prepare(request.built(self._auth))
                if prepared.url is None or Origin.of(prepared.url) != Origin.of(request.url):
                    raise Broken("the URL is ambiguous", sent=False, final=True)
                response = self._transport.send(prepared)
            except Broken as failure:
                raise call.lost(failure) from failure
            call.status = response.status_code
            if response.status_code not in REDIRECTS:
                return response
            request = request.redirected(response, call)
        raise PermanentError(
            call.told(f"redirected more than {_MOST_REDIRECTS} times"),
            fix=f"Check the address of {self._connection!r}.",
        )

    def _examine(self, call: Call, request: Outgoing, response: requests.Response, wants_json: bool) -> None:
        """Raise what the status or the body of an answer amounts to."""
        refusal = call.refusal(response, self._clock.now())
        if refusal is not None:
            raise refusal
        if wants_json and request.nothing_at(response.status_code):
            return
        try:
            if self._inspect is not None and response.content:
                self._inspect(response)
            if wants_json:
                response.json()
        except requests.exceptions.JSONDecodeError:
            raise call.lost(Broken("the answer is no JSON", sent=True)) from None
        except TransientError as error:
            raise call.unclear(error) from error
        if wants_json and request.method == "GET" and response.json() is None:
            # None says that nothing is there; a null where a list should be is a platform out of order.
            raise call.lost(Broken("the answer is null", sent=True))

    def _pace(self, call: Call, quota: str) -> None:
        self._waiter.check()
        rate = self._rates.get(quota)
        now = self._clock.now()
        held = self._held.get(quota, now)
        slot = now if rate is None else self._pacer.reserve(self._shared(quota), rate, now)
        at = max(slot, held)
        if at <= now:
            return
        if (at - now).total_seconds() > self._patience.longest_asked:
            raise RateLimited(
                f"{self._connection}: no call before {at:%Y-%m-%d %H:%M:%S} UTC.",
                until=at,
                fix="The platform asked for this pause; the next run goes on after it.",
            )
        self._waiter.until(at, f"pacing {rate}" if slot >= held else "a pause the platform asked for")
        call.paced += (self._clock.now() - now).total_seconds()

    def _hold(self, quota: str, until: datetime) -> None:
        self._held[quota] = max(self._held.get(quota, until), until)
        self._pacer.hold(self._shared(quota), until)

    def _shared(self, quota: str) -> str:
        """The quota's name among those of all connections."""
        return f"{self._connection}/{quota}"
