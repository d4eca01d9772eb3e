"""What went wrong with a call, as one of the errors the host knows how to handle."""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import requests
import urllib3

from crmsync.sdk.errors import (
    AuthError,
    CrmsyncError,
    PermanentError,
    RateLimited,
    TransientError,
    Unconfirmed,
)
from crmsync.sdk.http.origin import place
from crmsync.sdk.http.retry_after import retry_after
from crmsync.sdk.redaction import Redactor

# Paths hold e-mail addresses and phone numbers on some platforms.
_CONTACTS = Redactor()

_TRY_LATER = "The next run tries again."
_LOOK = "Look on the platform whether it took effect before sending it again."


class Broken(Exception):
    """No whole answer came.

    `sent`: bytes of the request may have reached the server.
    `final`: the same request will fail the same way.
    """

    def __init__(self, why: str, *, sent: bool, final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.sent = sent
        self.final = final


def broken(error: Exception) -> Broken:
    """The Broken for what requests or urllib3 raised."""
    chain = list(_chain(error))

    def has(*kinds: type[BaseException]) -> bool:
        return any(isinstance(link, kinds) for link in chain)

    if has(urllib3.exceptions.NameResolutionError):
        return Broken("the host name cannot be resolved", sent=False)
    if has(urllib3.exceptions.NewConnectionError):  # before the timeout, which it also is
        return Broken("no connection", sent=False)
    if has(requests.exceptions.ConnectTimeout, urllib3.exceptions.ConnectTimeoutError):
        return Broken("no connection in time", sent=False)
    if has(ssl.SSLCertVerificationError):
        reason = next(link for link in chain if isinstance(link, ssl.SSLCertVerificationError))
        return Broken(f"the certificate is not valid: {reason.verify_message}", sent=False, final=True)
    if has(requests.exceptions.ReadTimeout, urllib3.exceptions.ReadTimeoutError):
        return Broken("no answer in time", sent=True)
    if has(urllib3.exceptions.IncompleteRead):
        return Broken("the answer ends before it is complete", sent=True)
    if has(urllib3.exceptions.DecodeError):
        return Broken("the answer cannot be decompressed", sent=True)
    if isinstance(error, ValueError) and not isinstance(error, OSError | urllib3.exceptions.HTTPError):
        return Broken("the request cannot be built", sent=False, final=True)
    if has(requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader):
        return Broken("the request cannot be built", sent=False, final=True)
    return Broken("the connection broke off", sent=True)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all it wraps: requests keeps urllib3's errors in `args` and `reason`."""
    pending: list[object] = [error]
    seen: set[int] = set()
    while pending:
        link = pending.pop(0)
        if isinstance(link, BaseException) and id(link) not in seen:
            seen.add(id(link))
            yield link
            pending += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]


@dataclass(slots=True)
class Call:
    """One request of a connector through all its tries, and how its failures are told.

    `accept`: statuses that are no refusal, for their bodies say more. `status`: of the last answer, if
    there was one. `paced`: seconds spent waiting for the quota. `renewed`: the credentials were renewed
    for it.
    """

    connection: str
    method: str
    url: str
    idempotent: bool
    tries: int
    accept: Collection[int] = ()
    attempt: int = 1
    status: int | None = None
    paced: float = 0
    renewed: bool = False

    @property
    def answered(self) -> str:
        """What the last try brought: `429 from the platform`."""
        return "no answer" if self.status is None else f"{self.status} from the platform"

    def told(self, why: str, *, again: bool = False) -> str:
        """`GET api.example.com/orders: 404 Not Found.` Where it is tried `again`: `… (try 2 of 6).`"""
        where = _CONTACTS.text(place(self.url))
        tried = f" (try {self.attempt} of {self.tries})" if again and self.tries > 1 else ""
        return f"{self.method} {where}: {why}{tried}."

    def lost(self, failure: Broken) -> CrmsyncError:
        """The error for an answer that never came whole."""
        if failure.sent and not self.idempotent:
            return Unconfirmed(self.told(failure.why), fix=_LOOK)
        if failure.final:
            return PermanentError(self.told(failure.why), fix=f"Check the address of {self.connection!r}.")
        return TransientError(self.told(failure.why, again=True), fix=_TRY_LATER)

    def refusal(self, response: requests.Response, now: datetime) -> CrmsyncError | None:
        """The error for the status of an answer, or None when the status is a success."""
        status = response.status_code
        if 200 <= status < 300 or status == HTTPStatus.NOT_MODIFIED or status in self.accept:
            return None
        why = self.told(_phrase(status))
        tried = self.told(_phrase(status), again=True)
        asked = retry_after(response.headers.get("retry-after"), now, response.headers.get("date"))
        if status == HTTPStatus.UNAUTHORIZED:
            return AuthError(why, fix=f"Check the credentials of {self.connection!r}.")
        if status == HTTPStatus.FORBIDDEN:
            return AuthError(why, fix=f"Check what the credentials of {self.connection!r} may do.")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            until = f" The platform asks for a pause until {asked:%Y-%m-%d %H:%M:%S} UTC." if asked else ""
            return RateLimited(tried + until, until=asked, fix=_TRY_LATER)
        if status == HTTPStatus.TOO_EARLY:
            return TransientError(tried, fix=_TRY_LATER)
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= 500:
            if not self.idempotent:
                return Unconfirmed(why, fix=_LOOK)
            if status == HTTPStatus.SERVICE_UNAVAILABLE and asked is not None:
                return RateLimited(tried, until=asked, fix=_TRY_LATER)
            return TransientError(tried, fix=_TRY_LATER)
        if status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return PermanentError(why, fix="Send it by hand: the answer's body says what is refused.")
        return PermanentError(why, fix=f"Check the address and the API version of {self.connection!r}.")

    def unclear(self, error: TransientError) -> CrmsyncError:
        """The error when the body of a 2xx says that something went wrong for the moment."""
        return error if self.idempotent else Unconfirmed(error.what, fix=_LOOK)


def _phrase(status: int) -> str:
    # The server's own phrase may hold anything.
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"status {status}"
