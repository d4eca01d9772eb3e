"""A JSON body, decoded once however often it is asked for."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests


class JsonBody:
    """Stands in for `Response.json`: numbers with a point come as Decimal, and bytes are decoded once.

    It keeps what the inspector of a connector has decoded for the connector itself.
    """

    __slots__ = ("_bytes", "_charset", "_value")

    def __init__(self, response: requests.Response) -> None:
        self._bytes: bytes | None = response.content
        content_type = response.headers.get("content-type", "").lower()
        self._charset = content_type.partition("charset=")[2].split(";")[0].strip(" '\"")
        self._value: Any = None

    def __call__(self, **options: Any) -> Any:
        """The decoded body. Raises requests' JSONDecodeError (a ValueError) when it is no JSON."""
        if self._bytes is not None:
            self._value = self._decoded(self._bytes, options)
            self._bytes = None
        return self._value

    def _decoded(self, body: bytes, options: dict[str, Any]) -> Any:
        try:
            # json finds UTF-8, 16 and 32 by itself, whatever the header says.
            text = body if self._charset in ("", "utf-8", "utf8") else body.decode(self._charset)
            return json.loads(text, **{"parse_float": Decimal, "parse_constant": Decimal, **options})
        except (ValueError, LookupError, RecursionError) as error:
            # The text of the error is ours: json's own would quote the body.
            raise requests.exceptions.JSONDecodeError(type(error).__name__, "", 0) from None


def keep(response: requests.Response) -> None:
    """Let `response.json()` decode once, with Decimal."""
    response.__dict__["json"] = JsonBody(response)
