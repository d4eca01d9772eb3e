"""A shop on a platform: a real HTTP server with a population, a clock of its own, and bad days on demand.

In a test: `with Shop(seed=7) as shop: ... shop.url ...`. As a process of its own, for clients that get
killed: `python -m crmsync.testing.shop --seed 7`, or `crmsync.testing.shop_process`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self, get_args

from crmsync.testing.almanac import DAY, ZONE, iso
from crmsync.testing.api import Api, Credentials
from crmsync.testing.control import control
from crmsync.testing.history import write
from crmsync.testing.ledger import Ledger
from crmsync.testing.mailbox import Idempotency, Mailbox, Message
from crmsync.testing.misbehaviour import DEEDS, REFUSALS, Misbehaviour, Temper, refuse, spoil
from crmsync.testing.paging import listing
from crmsync.testing.population import Process
from crmsync.testing.server import Answer, Request, Server
from crmsync.testing.truth import truth

DEFAULT_NOW = datetime(2026, 6, 1, 12, tzinfo=ZONE)


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the shop saw it. `at` is in monotonic seconds; status 0 is a reset connection."""

    at: float
    method: str
    path: str
    query: dict[str, str]
    status: int

    def row(self) -> dict[str, Any]:
        return asdict(self)


class Shop:
    """A shop with `customers` registered after `history_days` of business that end at `now`.

    The same seed and sizes give the same shop, wherever and whenever it runs. Its future is drawn with
    its past and comes to light as the clock is advanced, so two advances of a week are one of a fortnight.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        customers: int = 1200,
        now: datetime = DEFAULT_NOW,
        history_days: int = 425,
        future_days: int = 365,
        port: int = 0,
        idempotency: Idempotency = "key",
        token_seconds: int = 3600,
        process: Process | None = None,
    ) -> None:
        if now.tzinfo is None:
            raise ValueError("a shop starts at an aware time")
        self._now = int(now.timestamp())
        self._end = self._now + future_days * DAY
        start = self._now - history_days * DAY
        self.history = write(seed, customers, start, self._now, self._end, process or Process())
        self.ledger = Ledger(self.history.changes)
        self.ledger.reveal(self._now)
        self.mailbox = Mailbox(idempotency)
        self.credentials = Credentials(token_seconds=token_seconds)
        self.requests: list[Seen] = []
        self._api = Api(self.ledger, self.mailbox, self.credentials, lambda: iso(self._now))
        self._temper = Temper()
        self._last_page: dict[str, Answer] = {}
        self._lock = threading.RLock()
        self._server = Server(self.answer, port)

    def start(self) -> Self:
        self._server.start()
        return self

    def stop(self) -> None:
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self._server.url

    @property
    def now(self) -> datetime:
        """The shop's time. It stands still until it is advanced."""
        return datetime.fromtimestamp(self._now, ZONE)

    def advance(self, span: timedelta) -> None:
        """Let business go on. Raises ValueError beyond the future that was drawn, or backwards."""
        with self._lock:
            to = self._now + int(span.total_seconds())
            if not self._now <= to <= self._end:
                left = (self._end - self._now) // DAY
                raise ValueError(f"this shop can be advanced by up to {left} days, not {span}")
            self._now = to
            self.ledger.reveal(to)

    @property
    def messages(self) -> list[Message]:
        """Every message its buyers received, in order."""
        return self.mailbox.messages

    @property
    def notes(self) -> list[dict[str, Any]]:
        """Every note put on a customer."""
        return self._api.notes

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """The records of a stream as the API shows them now, in the order in which they last changed."""
        with self._lock:
            table = self.ledger[stream]
            return [table.rows[id] for _, id in table.order()]

    def truth(self) -> dict[str, Any]:
        """What is true now; see `crmsync.testing.truth`."""
        with self._lock:
            return truth(self.history, self.ledger, self._now, self._end)

    def misbehave(self, kind: str, times: int | None = 1, path: str | None = None, **options: Any) -> None:
        """Do something wrong to the next requests for a path; see `Misbehaviour` for kinds and options.

        Access that is `revoked` stays so, for everything unless a path is named, until `behave`.
        """
        if kind == "revoked":
            times, path = None, path or "/"
        path = path or "/orders"
        with self._lock:
            self._temper.plan(Misbehaviour(kind, times, path, **options))

    def set_idempotency(self, mode: Idempotency) -> None:
        """Change what the shop does with repeated keys; see `Mailbox`."""
        if mode not in get_args(Idempotency):
            raise ValueError(f"{mode!r} is none of key, lookup, none")
        self.mailbox.idempotency = mode

    def behave(self) -> None:
        """Forget every misbehaviour that is still planned."""
        with self._lock:
            self._temper.clear()

    def put(self, stream: str, rows: Iterable[dict[str, Any]]) -> list[str]:
        """Change records by `id`, or add whole new ones; they count as changed now. Returns their ids."""
        with self._lock:
            ids = []
            for row in rows:
                self.ledger[stream].change(row["id"], row, self._now)
                ids.append(row["id"])
            return ids

    def remove(self, stream: str, ids: Iterable[str]) -> None:
        """Delete records for good."""
        with self._lock:
            for id in ids:
                self.ledger[stream].remove(id)

    def create_orders(self, count: int = 1, **fields: Any) -> list[str]:
        """Add paid orders of one line, placed now, each with these fields changed. Returns their ids."""
        with self._lock:
            buyers = sorted(self.ledger["customers"].rows)
            products = list(self.ledger["products"].rows.values())
            first = len(self.ledger["orders"].rows)
            rows = []
            for n in range(first, first + count):
                product, id = products[n % len(products)], f"X{n:08d}"
                line = {"id": f"{id}-1", "product_id": product["id"], "title": product["title"], "qty": 1}
                rows.append(
                    {
                        "id": id,
                        "buyer_id": buyers[n % len(buyers)],
                        "status": "PAID",
                        "currency": "CNY",
                        "payable": product["price"],
                        "shipping": "0.00",
                        "discount": "0.00",
                        "created_at": iso(self._now),
                        "paid_at": iso(self._now),
                        "sent_at": None,
                        "promised_at": iso(self._now + 5 * DAY),
                        "signed_at": None,
                        "finished_at": None,
                        "closed_at": None,
                        "agent_id": None,
                        "lines": [{**line, "unit_price": product["price"], "paid": product["price"]}],
                        **fields,
                    }
                )
            return self.put("orders", rows)

    def answer(self, request: Request) -> Answer:
        """What the server sends for a request."""
        if request.path.startswith("/_control/"):
            return control(self, request)
        with self._lock:
            trouble = self._temper.take(request.path)
            answer = self._api_answer(request, trouble)
            status = 0 if answer.reset else answer.status
            self.requests.append(Seen(time.monotonic(), request.method, request.path, request.query, status))
            return answer

    def _api_answer(self, request: Request, trouble: Misbehaviour | None) -> Answer:
        if trouble is None:
            answer = self._api.answer(request)
            self._last_page[request.path] = answer
            return answer
        if trouble.kind in REFUSALS:
            return refuse(trouble)
        if trouble.kind == "expired_token":
            self._api.revoke_tokens()
        if trouble.kind == "repeated_page" and request.path in self._last_page:
            return self._last_page[request.path]
        answer = self._api.answer(request)
        if trouble.kind == "edited_while_paging":
            self._edit_around(request)
        return answer if trouble.kind in DEEDS else spoil(answer, trouble)

    def _edit_around(self, request: Request) -> None:
        """Touch the first record of this page and the first of the next: one was read, one was not."""
        stream = request.path.strip("/")
        here = listing(self.ledger[stream], request.query)
        touched = here.rows[:1]
        if here.next_query is not None:
            touched += listing(self.ledger[stream], here.next_query).rows[:1]
        self.put(stream, [{"id": row["id"]} for row in touched])


def main(argv: Sequence[str] | None = None) -> None:
    """Serve a shop until told to stop. The first line of the output is its URL."""
    parser = argparse.ArgumentParser("python -m crmsync.testing.shop", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--customers", type=int, default=1200)
    parser.add_argument("--history-days", type=int, default=425)
    parser.add_argument("--future-days", type=int, default=365)
    parser.add_argument("--now", type=datetime.fromisoformat, default=DEFAULT_NOW, help="where history ends")
    parser.add_argument("--idempotency", choices=["key", "lookup", "none"], default="key")
    parser.add_argument("--token-seconds", type=int, default=3600)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Shop(**vars(parser.parse_args(argv))) as shop:
        sys.stdout.write(f"{shop.url}\n")
        sys.stdout.flush()
        stop.wait()


if __name__ == "__main__":
    main()
