"""Shops of a size at which a test takes no time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from crmsync.testing.almanac import DAY
from crmsync.testing.history import History, write
from crmsync.testing.population import Process
from crmsync.testing.shop import DEFAULT_NOW, Shop

NOW = int(DEFAULT_NOW.timestamp())


@pytest.fixture(scope="session")
def history() -> History:
    """The history of the default shop."""
    return write(1, 1200, NOW - 425 * DAY, NOW, NOW + 365 * DAY, Process())


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop(seed=3, customers=60, history_days=150, future_days=90) as shop:
        yield shop


class Client:
    """Calls one shop the way a plain script would."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.headers["X-Api-Key"] = "demo-key"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(self.url + path, params=params, timeout=5, allow_redirects=False)

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> requests.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.session.post(self.url + path, json=body, headers=headers, timeout=5)

    def walk(self, path: str, style: str = "cursor", **params: Any) -> list[dict[str, Any]]:
        """All records of a list, followed by cursor, by `next` in the body or by the Link header."""
        response = self.get(path, **params)
        rows = list(response.json()["data"])
        while True:
            body = response.json()
            if style == "link":
                url = response.links.get("next", {}).get("url")
            elif style == "next":
                url = body["next"]
            else:
                url = None
                if body["next_cursor"]:
                    again = {"cursor": body["next_cursor"], "limit": params.get("limit", 100)}
                    url = f"{self.url}{path}?{urlencode(again)}"
            if url is None:
                return rows
            response = self.session.get(url, timeout=5)
            rows += response.json()["data"]


@pytest.fixture
def client(shop: Shop) -> Iterator[Client]:
    client = Client(shop.url)
    yield client
    client.session.close()
