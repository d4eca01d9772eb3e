"""The ways in which a platform lets its callers down, each on demand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from crmsync.testing.server import Answer

# Instead of doing what was asked.
REFUSALS = ("429", "500", "revoked", "redirect_elsewhere", "reset")
# After doing what was asked.
SPOILED = (
    "hang",
    "truncated",
    "wrong_json",
    "wrong_shape",
    "error_in_200",
    "malformed_record",
    "huge_body",
    "slow_drip",
    "lost_answer",
)
# By what the shop does beside answering.
DEEDS = ("repeated_page", "edited_while_paging", "expired_token")
KINDS = (*REFUSALS, *SPOILED, *DEEDS)


@dataclass(slots=True)
class Misbehaviour:
    """One kind of trouble for requests to a path and all below it.

    It begins after `skip` of them and lasts for `times` (None: until the shop behaves again).
    `retry_after` is sent as it stands, `date` as an HTTP date `seconds` from now, None not at all.
    `seconds` is how long a `hang` lasts, or the pause between two pieces of a `slow_drip`.
    """

    kind: str
    times: int | None = 1
    path: str = "/orders"
    skip: int = 0
    retry_after: str | None = None
    seconds: float = 30.0
    location: str = "https://elsewhere.example/orders"
    megabytes: int = 256

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no misbehaviour; one of: {', '.join(KINDS)}")

    def matches(self, path: str) -> bool:
        return path == self.path or path.startswith(self.path.rstrip("/") + "/")


class Temper:
    """What the shop is going to do wrong, in the order in which it was told to."""

    def __init__(self) -> None:
        self._planned: list[Misbehaviour] = []

    def plan(self, misbehaviour: Misbehaviour) -> None:
        self._planned.append(misbehaviour)

    def clear(self) -> None:
        self._planned.clear()

    def take(self, path: str) -> Misbehaviour | None:
        """The misbehaviour that this request meets; one that is used up is forgotten."""
        for planned in self._planned:
            if not planned.matches(path):
                continue
            if planned.skip:
                planned.skip -= 1
                continue
            if planned.times is not None:
                planned.times -= 1
                if planned.times <= 0:
                    self._planned.remove(planned)
            return planned
        return None


def error(status: int, code: str, message: str) -> Answer:
    """An error as the shop's API words it."""
    return Answer(status, json.dumps({"error": {"code": code, "message": message}}).encode())


def refuse(trouble: Misbehaviour) -> Answer:
    """The answer of a shop that does not do what was asked."""
    match trouble.kind:
        case "429":
            answer = error(429, "too_many_requests", "Slow down.")
            if trouble.retry_after == "date":
                later = datetime.now(UTC) + timedelta(seconds=trouble.seconds)
                answer.headers["Retry-After"] = format_datetime(later, usegmt=True)
            elif trouble.retry_after is not None:
                answer.headers["Retry-After"] = trouble.retry_after
            return answer
        case "500":
            return error(500, "internal", "Something broke.")
        case "revoked":
            return error(401, "revoked", "This application's access was withdrawn.")
        case "redirect_elsewhere":
            return Answer(302, headers={"Location": trouble.location})
        case _:
            return Answer(reset=True)


def spoil(answer: Answer, trouble: Misbehaviour) -> Answer:
    """The answer as it arrives after the trouble."""
    return _SPOIL[trouble.kind](answer, trouble)


def _malformed(answer: Answer, trouble: Misbehaviour) -> Answer:
    body = json.loads(answer.body)
    rows: list[dict[str, Any]] = body.get("data") or []
    if rows:
        row = rows[len(rows) // 2]
        field = next(name for name in _REQUIRED if name in row)
        rows[len(rows) // 2] = {**row, field: "n/a"}
    return replace(answer, body=json.dumps(body, ensure_ascii=False).encode())


# One field per stream that no record can do without.
_REQUIRED = ("payable", "amount", "stars", "started_at", "registered_at", "price")

_SPOIL: dict[str, Callable[[Answer, Misbehaviour], Answer]] = {
    "hang": lambda answer, trouble: replace(answer, wait=trouble.seconds),
    "truncated": lambda answer, _: replace(answer, cut=len(answer.body) // 2),
    "wrong_json": lambda answer, _: replace(answer, body=b'{"data": [{"id": '),
    "wrong_shape": lambda answer, _: replace(answer, body=b'{"result": "ok"}'),
    "error_in_200": lambda answer, _: error(200, "busy", "System busy, try again."),
    "malformed_record": _malformed,
    "huge_body": lambda answer, trouble: replace(answer, padding=trouble.megabytes << 20),
    "slow_drip": lambda answer, trouble: replace(answer, drip=trouble.seconds),
    "lost_answer": lambda answer, _: replace(answer, reset=True),
}
