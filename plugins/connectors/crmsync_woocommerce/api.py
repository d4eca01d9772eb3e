"""The REST API of a shop: where it is, and what its answers hold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from crmsync.sdk import AuthError, HttpSession, TransientError
from crmsync_woocommerce.settings import WooSettings
from crmsync_woocommerce.signature import WOOCOMMERCE

Row = dict[str, Any]

_NAMESPACE = "wc/v3"
_MOST_NOTICES = 500


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list. `total` and `pages` are of the whole list, where the shop tells them."""

    rows: list[Row]
    total: int | None
    pages: int | None

    def ends(self, offset: int) -> bool | None:
        """Whether the list ends with this page, which begins at `offset`; None where nobody says.

        A page may hold fewer rows than it stands for: what the key may not read is left out of it.
        """
        if not self.rows:
            # Past the end some shops count nothing at all, so an empty page's total proves nothing.
            return True
        if self.total is None or self.total < len(self.rows):
            return None
        stands_for = -(-self.total // self.pages) if self.pages else 0
        return offset + max(len(self.rows), stands_for) >= self.total


class Api:
    """Calls one shop, and reads what comes back."""

    def __init__(self, settings: WooSettings, http: HttpSession) -> None:
        self._base = settings.base_url
        self._plain = settings.plain_permalinks
        self._http = http

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON that stands at a path below `wc/v3`."""
        return decoded(self._get(f"{_NAMESPACE}/{path}", params))

    def index(self) -> Any:
        """What the site tells everybody of itself."""
        return decoded(self._get("", {"_fields": "name,home,gmt_offset,timezone_string,namespaces"}))

    def list(self, path: str, params: Mapping[str, Any]) -> Listed:
        """One page of a list. Raises TransientError when the answer holds none."""
        response = self._get(f"{_NAMESPACE}/{path}", params)
        rows = _list(decoded(response))
        if rows is None or not all(isinstance(row, dict) for row in rows):
            raise TransientError(
                f"The shop's answer to GET {path} is not a list of records.",
                fix="A plugin or a cache may stand between; the next run tries again.",
            )
        total, pages = (_count(response, name) for name in ("X-WP-Total", "X-WP-TotalPages"))
        return Listed(rows, total, pages)

    def post(self, path: str, body: Row, *, idempotent: bool) -> Any:
        """Create something. Raises as `HttpSession.request` does."""
        try:
            url = self._url(f"{_NAMESPACE}/{path}")
            return decoded(self._http.request("POST", url, json=body, idempotent=idempotent))
        except AuthError as error:
            # WooCommerce answers 401 also to a key that is right and may not write.
            raise AuthError(error.what, fix="Check that the key's permission is Read/Write.") from None

    def _get(self, route: str, params: Mapping[str, Any] | None) -> requests.Response:
        return self._http.request("GET", self._url(route), params=params)

    def _url(self, route: str) -> str:
        if not self._plain:
            return f"{self._base}/wp-json/{route}"
        # Plain permalinks do not put into the URL what makes WooCommerce look at the keys; and as a parameter
        # of its own it would come encoded.
        return f"{self._base}/?rest_route=/{route}" + (f"&crmsync={WOOCOMMERCE}" if route else "")


def decoded(response: requests.Response) -> Any:
    """The JSON of an answer, also where PHP has printed its notices around it.

    Raises requests' JSONDecodeError when there is none.
    """
    try:
        return response.json()
    except requests.exceptions.JSONDecodeError:
        found, value = _among_notices(response.content.decode("utf-8", "replace"))
        if not found:
            raise
        return value


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal)


def _among_notices(text: str) -> tuple[int, Any]:
    """The longest JSON value that has nothing but markup behind it: its length, and the value."""
    longest, value = 0, None
    for number, start in enumerate(match.start() for match in re.finditer(r"[\[{]", text)):
        if number == _MOST_NOTICES or len(text) - start <= longest:
            break
        try:
            candidate, end = _decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if end - start > longest and text[end:].lstrip()[:1] in ("", "<"):
            longest, value = end - start, candidate
    return longest, value


def _list(body: Any) -> Any:
    """The list of an answer. One from which a plugin took rows comes as an object with numbers for keys."""
    if isinstance(body, dict) and body and all(key.isdigit() for key in body):
        return list(body.values())
    return body if isinstance(body, list) else None


def _count(response: requests.Response, header: str) -> int | None:
    text = response.headers.get(header, "")
    return int(text) if text.isdecimal() else None
