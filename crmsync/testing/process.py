"""A shop in a process of its own, driven over HTTP: it survives a client that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import requests

from crmsync.testing.mailbox import Idempotency


class RemoteShop:
    """The methods of `Shop` that make sense from afar; answers are plain data."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._call("GET", "now")["now"])

    def advance(self, span: timedelta) -> None:
        self._call("POST", "advance", {"seconds": span.total_seconds()})

    def truth(self) -> dict[str, Any]:
        return self._call("GET", "truth")

    @property
    def messages(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", "messages")["data"]
        return rows

    @property
    def notes(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", "notes")["data"]
        return rows

    @property
    def requests(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", "requests")["data"]
        return rows

    def rows(self, stream: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._call("GET", stream)["data"]
        return rows

    def misbehave(self, kind: str, times: int | None = 1, path: str | None = None, **options: Any) -> None:
        self._call("POST", "misbehave", {"kind": kind, "times": times, "path": path, **options})

    def behave(self) -> None:
        self._call("POST", "behave")

    def set_idempotency(self, mode: Idempotency) -> None:
        self._call("POST", "idempotency", {"mode": mode})

    def put(self, stream: str, rows: Iterable[dict[str, Any]]) -> list[str]:
        ids: list[str] = self._call("POST", stream, {"data": list(rows)})["ids"]
        return ids

    def create_orders(self, count: int = 1, **fields: Any) -> list[str]:
        ids: list[str] = self._call("POST", "orders", {"create": count, "fields": fields})["ids"]
        return ids

    def remove(self, stream: str, ids: Iterable[str]) -> None:
        self._call("DELETE", stream, {"ids": list(ids)})

    def change(self, share: float = 0.01) -> dict[str, Any]:
        """Change this share of the records; only for a shop of `crmsync.testing.bulk`."""
        return self._call("POST", "change", {"share": share})

    def _call(self, method: str, what: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self.url}/_control/{what}", json=body or {}, timeout=60)
        done: dict[str, Any] = answer.json()
        if not answer.ok:
            raise ValueError(done["error"]["message"])
        return done


@contextmanager
def shop_process(module: str = "crmsync.testing.shop", **options: Any) -> Iterator[RemoteShop]:
    """Run a shop elsewhere with the options of its command line: `shop_process(customers=50, seed=7)`."""
    arguments = [part for name, value in options.items() for part in (_option(name), str(value))]
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise RuntimeError(f"the shop did not start: {' '.join(command)}")
            yield RemoteShop(url)
        finally:
            process.terminate()


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")
