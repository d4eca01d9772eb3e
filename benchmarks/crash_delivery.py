"""What a kill costs in the middle of delivery: `python benchmarks/crash_delivery.py --json`.

Real servers on loopback in a process of their own: SMTP (`email`, nobody can be asked), HTTP that drops a
repeated key (`key`), HTTP that does not (`none`), and a file that can be searched (`lookup`). A process that
delivers is killed with SIGKILL at random moments of its work, again and again; then it is left alone until
nothing is due. What arrived is compared with what the store believes, message by message. `--careless` sends
what is unknown again, as a simpler outbox would: `doubled` must then be more than 0, or nothing was tried.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parent))
import outbox
from crash import database

from crmsync.care import deliver, ledger_faults, recover, resolve
from crmsync.sdk import Channel, ChannelContext, OutgoingMessage, Receipt, SystemClock
from crmsync.store import Store
from crmsync.store.schema import upgrade
from crmsync.sync.connection import open_context
from crmsync.sync.stream import Waits

KINDS = ("key", "none", "email", "lookup")
WAITING = 150
"""So many messages are queued again before each kill."""
LONGEST = 0.3
"""Seconds after its first message within which a process is killed at the latest."""
SECRET = "whsec_" + "YWJj" * 12


# The servers, in a process of their own.


class _Mails(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(OSError):
            self.wfile.write(b"220 ready\r\n")
            while line := self.rfile.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    mail = b""
                    while (part := self.rfile.readline()) not in (b".\r\n", b""):
                        mail += part
                    if part:
                        key = mail.partition(b"Message-ID: <")[2].partition(b"@")[0].decode()
                        _received[key] += 1
                        self.wfile.write(b"250 queued\r\n")
                elif verb == b"QUIT":
                    return
                else:
                    self.wfile.write(b"250 here\r\n")


class _Posts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else each answer waits 40 ms for an acknowledgement, and whatever is measured beside it looks cheap.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["webhook-id"]
        with _lock:
            if self.path != "/key" or key not in _received:
                _received[key] += 1
        time.sleep(0.0005)
        self._answer(b"{}")

    def do_GET(self) -> None:
        self._answer(json.dumps(_received).encode())

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class _Quiet(socketserver.BaseServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what this is about."""


class _SmtpServer(_Quiet, socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _HttpServer(_Quiet, ThreadingHTTPServer):
    pass


_received: Counter[str] = Counter()
_lock = threading.Lock()


def serve() -> None:
    """Serve both until the process is ended; the first line says on which ports."""
    smtp, http = _SmtpServer(("127.0.0.1", 0), _Mails), _HttpServer(("127.0.0.1", 0), _Posts)
    threading.Thread(target=smtp.serve_forever, daemon=True).start()
    print(smtp.server_address[1], http.server_address[1], flush=True)
    http.serve_forever()


# The process that delivers.


def channel_of(kind: str, smtp: int, http: int, folder: Path, store: Store, clock: Any) -> Channel[Any]:
    from crmsync_email.channel import EmailChannel
    from crmsync_file.channel import FileChannel
    from crmsync_webhook.channel import WebhookChannel

    context = open_context(store, "channel:bench", clock, Waits(), None)
    shared = {field.name: getattr(context, field.name) for field in fields(context)}
    context = ChannelContext(**shared)
    if kind == "email":
        settings = {"host": "127.0.0.1", "port": smtp, "tls": "none", "sender": "shop@example.com"}
        return EmailChannel(EmailChannel.Settings(**settings), context)
    if kind == "lookup":
        return FileChannel(FileChannel.Settings(path=folder / "sent.jsonl"), context)
    url = f"http://127.0.0.1:{http}/{kind}"
    channel = WebhookChannel(WebhookChannel.Settings(url=url, secret=SECRET), context)
    if kind == "none":
        # The same requests to a service that does not look at their ids.
        channel.idempotency = "none"  # type: ignore[misc]
    return channel


def work(
    url: str,
    kind: str,
    smtp: int,
    http: int,
    folder: Path,
    careless: bool,
    ahead: timedelta,
    begun: int | None,
) -> None:
    """Deliver all that is due, as the daemon would after a start; a byte into `begun` as the first leaves."""
    logging.disable()
    store, clock = Store(url), SystemClock(ahead)
    recover(store, now=clock.now())
    if careless:
        _send_unknown_again(store, clock.now())
    channel = channel_of(kind, smtp, http, folder, store, clock)
    send = channel.send

    def first(message: OutgoingMessage, key: str) -> Receipt:
        channel.send = send  # type: ignore[method-assign]
        if begun is not None:
            os.write(begun, b".")
        return send(message, key)

    channel.send = first  # type: ignore[method-assign]
    deliver(store, [outbox.CAMPAIGN], {"bench": channel}, outbox.LIMITS, clock=clock, at_most=10**6)
    channel.close()
    store.close()


def _send_unknown_again(store: Store, now: datetime) -> None:
    with store.read() as connection:
        ids = connection.execute(text("SELECT id FROM message WHERE state = 'unknown'")).scalars().all()
    for id in ids:
        resolve(store, id, "resend", actor="bench", now=now)


def forked(*arguments: Any) -> int:
    """The number of a process that works; a fork, because only its work is to be killed, not its start."""
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        try:
            work(*arguments)
        except BaseException as error:
            print(f"the process that delivers failed: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def series(database_kind: str, kind: str, kills: int, seed: int, careless: bool) -> dict[str, Any]:
    """One series of kills on one database and one kind of channel."""
    dice = random.Random(seed)
    # What a fork finds imported it need not import before it works.
    import crmsync_webhook.channel  # noqa: F401

    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    smtp, http = map(int, server.stdout.readline().split())
    try:
        with tempfile.TemporaryDirectory() as name, database(database_kind, name) as url:
            store = Store(url)
            upgrade(store)
            store.close()
            folder, created, alive, begun = Path(name), 0, 0, time.monotonic()
            while alive < kills:
                created += _top_up(url, created, kind)
                reader, writer = os.pipe()
                child = forked(url, kind, smtp, http, folder, careless, timedelta(days=alive), writer)
                os.close(writer)
                sending = os.read(reader, 1)
                os.close(reader)
                time.sleep(dice.uniform(0, LONGEST))
                os.kill(child, signal.SIGKILL)
                _, status = os.waitpid(child, 0)
                alive += bool(sending) and os.WIFSIGNALED(status)
            for day in (1, 2, 3):
                _, status = os.waitpid(
                    forked(url, kind, smtp, http, folder, careless, timedelta(days=alive + day), None), 0
                )
                if status:
                    raise SystemExit("a delivery after the kills failed")
            seconds = round(time.monotonic() - begun, 1)
            return {"seed": seed, "kills": alive, "seconds": seconds, **_compare(url, kind, http, folder)}
    finally:
        server.terminate()
        server.wait()


def _top_up(url: str, created: int, kind: str) -> int:
    store = Store(url)
    with store.read() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM message WHERE state = 'queued'")).scalar_one()
    missing = max(0, WAITING - waiting)
    if missing:
        medium = {"email": "email", "lookup": "any"}.get(kind, "webhook")
        outbox.fill(store, missing, datetime.now(UTC), medium=medium, first=created)
    store.close()
    return missing


def _compare(url: str, kind: str, http: int, folder: Path) -> dict[str, Any]:
    store = Store(url)
    with store.read() as connection:
        state_of = dict(connection.execute(text("SELECT key, state FROM message")).all())
    faults = ledger_faults(store)
    store.close()
    if kind == "lookup":
        lines = (folder / "sent.jsonl").read_bytes().split(b"\n")
        received = Counter(json.loads(line)["key"] for line in lines if line.endswith(b"}"))
    else:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/") as answer:
            received = Counter(json.load(answer))
    states = Counter(state_of.values())
    unknown = [key for key, state in state_of.items() if state == "unknown"]
    return {
        "created": len(state_of),
        "states": dict(states),
        "received": received.total(),
        "doubled": received.total() - len(received),
        "sent_but_not_received": sum(s == "sent" and k not in received for k, s in state_of.items()),
        "received_but_neither_sent_nor_unknown": sum(
            state_of.get(key) not in ("sent", "unknown") for key in received
        ),
        "unknown": len(unknown),
        "unknown_that_had_arrived": sum(key in received for key in unknown),
        "ledger_exact": not faults and states.total() == len(state_of),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--channels", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--careless", action="store_true", help="send again what is unknown")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve()
    report: dict[str, Any] = {"version": 1}
    for database_kind in args.databases.split(","):
        for kind in args.channels.split(","):
            figures = series(database_kind, kind, args.kills, args.seed, args.careless)
            report[f"{database_kind}_{kind}"] = figures
            print(f"{database_kind} {kind}: {figures}", file=sys.stderr, flush=True)
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
