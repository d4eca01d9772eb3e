"""What a kill costs: `python benchmarks/crash.py --json`.

A shop of some 20,000 orders in a process of its own; `crmsync run --once` against it with care on,
killed with SIGKILL at random moments, again and again, while the shop goes on changing. At the end the
store is compared with the shop, order by order, and the shop's inboxes with the store, message by message.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from crmsync.store import Store
from crmsync.testing import RemoteShop, shop_process

POSTGRES = os.environ.get("CRMSYNC_TEST_POSTGRES", "postgresql://127.0.0.1/test")
SECRET = "CRMSYNC_CRASH_SECRET"

LONGEST = 6.0
"""Seconds after its start by which a run is killed."""

CONFIG = """
database: {database}
connections:
  - id: shop
    connector: demo
    base_url: {url}
    client_id: demo
    client_secret: ${{env:{secret}}}
    idempotency: {idempotency}
    page_size: 250
rules:
  churn_risk: {{}}
  vip: {{}}
care:
  - name: win-back
    when: churn_risk
    template: winback
    approve: never
    quiet_hours: null
    daily_cap: 1000000
  - name: thanks
    when: vip
    template: vip_thanks
    approve: never
    quiet_hours: null
    daily_cap: 1000000
    cooldown: 1m
limits:
  per_customer: 100
"""


@contextmanager
def database(kind: str, folder: str) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/crash.db"
        return
    import psycopg

    name = f"crmsync_crash_{os.getpid()}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield POSTGRES.rpartition("/")[0] + f"/{name}"
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def start(config: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crmsync", "run", "--once", "--config", str(config)]
    environment = {**os.environ, SECRET: "demo-secret"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def disturb(shop: RemoteShop, orders: list[str], dice: random.Random) -> None:
    """Let the shop change, so that every run has something to pull."""
    shop.put("orders", [{"id": order} for order in dice.sample(orders, 400)])
    shop.create_orders(20)


def kill_again_and_again(shop: RemoteShop, config: Path, kills: int, dice: random.Random) -> int:
    """Kill that many runs that are still at work. One that ends by itself tells how long a run takes by
    then, so that later kills fall all over it; the short cooldown gives every run messages to send."""
    orders = [row["id"] for row in shop.rows("orders")]
    alive, longest = 0, LONGEST
    while alive < kills:
        begun = time.monotonic()
        process = start(config)
        try:
            process.wait(timeout=dice.uniform(0.5, longest))
            longest = max(1.5, 0.5 * longest + 0.5 * (time.monotonic() - begun))
            disturb(shop, orders, dice)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            alive += 1
            longest = min(LONGEST, longest * 1.02)
            if alive % 10 == 0:
                disturb(shop, orders, dice)
                print(f"{alive} kills", file=sys.stderr)
    return alive


def settle(config: Path) -> None:
    """Let it run undisturbed until nothing is left to do."""
    for _ in range(3):
        if start(config).wait(timeout=600) not in (0, 3, 4):
            raise SystemExit("a run after the kills failed")


def compare(shop: RemoteShop, url: str) -> dict[str, Any]:
    """The store against the shop."""
    store = Store(url)
    with store.read() as connection:
        stored = Counter(connection.execute(text('SELECT external_id FROM "order"')).scalars())
        lines = Counter(
            (row[0], row[1]) for row in connection.execute(text("SELECT order_id, line_id FROM order_line"))
        )
        states = dict(connection.execute(text("SELECT state, count(*) FROM message GROUP BY state")).all())
        sent = {row[0] for row in connection.execute(text("SELECT key FROM message WHERE state = 'sent'"))}
        doubtful = {
            row[0]
            for row in connection.execute(
                text("SELECT key FROM message WHERE state IN ('unknown', 'claimed', 'failed')")
            )
        }
        created = connection.execute(text("SELECT count(*) FROM message")).scalar_one()
        runs = connection.execute(text("SELECT count(*) FROM run")).scalar_one()
    store.close()
    orders = {row["id"]: row for row in shop.rows("orders")}
    expected_lines = {(id, line["id"]) for id, row in orders.items() for line in row["lines"]}
    received = Counter(message["key"] for message in shop.messages)
    return {
        "orders_in_shop": len(orders),
        "orders_lost": len(orders.keys() - stored.keys()),
        "orders_doubled": sum(count - 1 for count in stored.values()) + len(stored.keys() - orders.keys()),
        "lines_wrong": len(expected_lines ^ lines.keys()),
        "runs": runs,
        "messages_created": created,
        "messages": states,
        "messages_received": received.total(),
        "messages_doubled": received.total() - len(received),
        "sent_but_not_received": len(sent - received.keys()),
        "received_but_neither_sent_nor_doubtful": len(received.keys() - sent - doubtful),
        "ledger_adds_up": sum(states.values()) == created,
    }


def crash(kind: str, idempotency: str, kills: int, customers: int, seed: int) -> dict[str, Any]:
    """One series of kills on one database and one kind of channel."""
    dice = random.Random(seed)
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    with (
        tempfile.TemporaryDirectory() as folder,
        database(kind, folder) as url,
        shop_process(
            customers=customers, seed=seed, now=now, future_days=30, idempotency=idempotency
        ) as shop,
    ):
        config = Path(folder) / "crmsync.yaml"
        config.write_text(CONFIG.format(database=url, url=shop.url, secret=SECRET, idempotency=idempotency))
        begun = time.monotonic()
        killed = kill_again_and_again(shop, config, kills, dice)
        settle(config)
        return {
            "seed": seed,
            "kills": killed,
            "seconds": round(time.monotonic() - begun, 1),
            **compare(shop, url),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--customers", type=int, default=5500, help="of the shop; about 3.7 orders each")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--channels", default="key,none")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    report: dict[str, Any] = {"version": 1}
    for kind in args.databases.split(","):
        for idempotency in args.channels.split(","):
            figures = crash(kind, idempotency, args.kills, args.customers, args.seed)
            report[f"{kind}_{idempotency}"] = figures
            print(f"{kind} {idempotency}: {figures}", file=sys.stderr)
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
