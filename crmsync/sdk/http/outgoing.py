"""What a connector asks for, and what becomes of it when the platform redirects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

import requests

from crmsync.sdk.errors import PermanentError
from crmsync.sdk.http.failure import Call
from crmsync.sdk.http.origin import Origin

REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request before it is signed."""

    method: str
    url: str
    params: Mapping[str, Any] | None = None
    json: Any = None
    data: Any = None
    headers: Mapping[str, str] | None = None

    def nothing_at(self, status: int) -> bool:
        """Whether an answer that is no refusal says by this status that nothing is there."""
        missing = status == HTTPStatus.NOT_FOUND and self.method == "GET"
        return missing or status == HTTPStatus.NO_CONTENT

    def built(self, auth: requests.auth.AuthBase | None) -> requests.Request:
        return requests.Request(
            self.method,
            self.url,
            params=self.params and {name: _written(value) for name, value in self.params.items()},
            json=self.json,
            data=self.data,
            headers=self.headers,
            auth=auth,
        )

    def redirected(self, response: requests.Response, call: Call) -> Outgoing:
        """The request that follows a redirect. Raises PermanentError when it must not be followed.

        It must not when it leaves the origin, where it would take the credentials along; and when a 301
        or 302 answers a POST, which every client turns into a GET: a message would seem delivered.
        """
        status = response.status_code
        location = response.headers.get("location")
        fix = f"Check the address of {call.connection!r}."
        if not location:
            raise PermanentError(call.told(f"{status} redirects to nowhere"), fix=fix)
        target = urljoin(self.url, location)
        origin = Origin.of(target)
        if origin != Origin.of(self.url):
            raise PermanentError(call.told(f"{status} redirects to another host, {origin}"), fix=fix)
        reads = self.method in ("GET", "HEAD")
        if status in (301, 302) and not reads:
            raise PermanentError(call.told(f"{status} redirects a {self.method}"), fix=fix)
        if status == 303 and not reads:
            return Outgoing("GET", target, headers=self.headers)
        return replace(self, url=target, params=None)


def _written(value: Any) -> Any:
    # By itself a datetime would go out with a blank in its middle, which few platforms read.
    return value.isoformat() if isinstance(value, datetime) else value
