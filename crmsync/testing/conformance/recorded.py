"""Answers that were recorded from the real platform, for authors who have no fake of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from crmsync.testing.conformance.platform import Platform
from crmsync.testing.server import Answer, Request


class RecordedPlatform(Platform):
    """Answers from the `.json` files of a folder.

    A file holds one exchange, or a list of them:

        {"request": {"method": "GET", "path": "/orders", "query": {"page": "1"}},
         "response": {"status": 200, "headers": {}, "body": {"data": []}}}

    An exchange answers a request of its method and path that carries its query; of several the one
    with the longest query does, so the first page needs no more than its path. What no exchange
    answers is a 404 that says so. A recording cannot change: checks that need a change are left out.
    """

    folder: ClassVar[Path]

    def __enter__(self) -> Self:
        self._exchanges: list[dict[str, Any]] = []
        for file in sorted(self.folder.glob("*.json")):
            held = json.loads(file.read_text("utf-8"))
            self._exchanges += held if isinstance(held, list) else [held]
        if not self._exchanges:
            raise FileNotFoundError(f"{self.folder} holds no recorded answers")
        return self

    def answer(self, request: Request) -> Answer:
        fitting = [exchange for exchange in self._exchanges if _fits(exchange["request"], request)]
        if not fitting:
            told = {"message": f"nothing recorded for {request.method} {request.path} {request.query}"}
            return Answer(404, json.dumps(told).encode())
        response = max(fitting, key=lambda exchange: len(exchange["request"].get("query", {})))["response"]
        body = json.dumps(response.get("body"), ensure_ascii=False).encode()
        return Answer(response.get("status", 200), body, dict(response.get("headers", {})))


def _fits(recorded: dict[str, Any], request: Request) -> bool:
    query = {name: str(value) for name, value in recorded.get("query", {}).items()}
    return (
        recorded.get("method", "GET") == request.method
        and recorded["path"] == request.path
        and query.items() <= request.query.items()
    )
