"""The HTTP session every connector uses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests

from crmsync.sdk.clock import Clock
from crmsync.sdk.http.pacing import Pacer, Wait
from crmsync.sdk.settings import Rate


class HttpSession:
    """Times out, paces, retries, caps and redacts every call."""

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
    ) -> None:
        raise NotImplementedError

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
    ) -> requests.Response:
        """Send it, waiting and retrying as long as that can help."""
        raise NotImplementedError

    def get_json(self, url: str, **options: Any) -> Any:
        """GET a JSON body; numbers with a point come as Decimal. A body that is no JSON is retried."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
