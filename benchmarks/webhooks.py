"""What forged and replayed events achieve: `python benchmarks/webhooks.py --json`.

A daemon in a process of its own with the built-in shop on loopback. Some true events first; then thousands of
requests, each a true event altered in one way, or a true one sent again; then one true event. At the end
the shop has counted how often its lists were pulled.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmsync.sdk import WebhookRequest
from crmsync.testing import Shop
from crmsync.testing.event import altered_event, standard_event

SECRET = "signed by the shop"
PATIENCE = 120.0
TRUE_EVENTS = 20

CONFIG = """
connections:
  - id: shop
    connector: demo
    base_url: {url}
    client_secret: ${{env:SHOP_SECRET}}
    webhook_secret: ${{env:EVENT_SECRET}}
    schedule: every 1d
daemon: {{listen: "127.0.0.1:{port}"}}
"""


def event(stream: str = "orders") -> WebhookRequest:
    return standard_event(f"{stream}.changed", SECRET, datetime.now(UTC))


def posted(port: int, request: WebhookRequest) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/webhooks/shop", request.body, dict(request.headers))
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told.get("outcome", "refused")


def reads(shop: Shop) -> Counter[str]:
    """How often each list was begun."""
    lists = [seen for seen in shop.requests if seen.method == "GET" and "cursor" not in seen.query]
    return Counter(seen.path for seen in lists if seen.path not in ("/shop", "/oauth/token"))


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the daemon did not do in time what was waited for")


def settled(shop: Shop) -> Counter[str]:
    """The counts once nothing is pulled any more."""
    before = None
    while before != (before := reads(shop)):
        time.sleep(3)
    return before


def measure(requests: int, seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Shop(customers=40, history_days=60) as shop, tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "crmsync.yaml"
        config.write_text(CONFIG.format(url=shop.url, port=port))
        environ = {**os.environ, "SHOP_SECRET": shop.credentials.client_secret, "EVENT_SECRET": SECRET}
        command = [sys.executable, "-m", "crmsync", "-c", str(config), "run"]
        daemon = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.DEVNULL)
        try:
            until(lambda: posted(port, event("nothing"))[0] == 200 and reads(shop)["/conversations"])
            true = [event() for _ in range(TRUE_EVENTS)]
            outcomes = Counter(posted(port, one)[1] for one in true)
            before = settled(shop)
            hostile: Counter[str] = Counter()
            started = time.monotonic()
            for number in range(requests):
                replayed = number % 10 == 0
                request = dice.choice(true) if replayed else altered_event(event(), dice)
                status, outcome = posted(port, request)
                hostile["accepted" if outcome == "accepted" else f"{status} {outcome}"] += 1
            seconds = time.monotonic() - started
            after = settled(shop)
            last = posted(port, event())[1]
            until(lambda: reads(shop)["/orders"] > after["/orders"])
            end = settled(shop)
        finally:
            daemon.terminate()
            daemon.wait(30)
    return {
        "true": dict(outcomes),
        "hostile": {"sent": requests, "accepted": 0, **hostile},
        "pulls_by_hostile": sum((after - before).values()),
        "one_true_event": {"outcome": last, "pulls": dict(end - after)},
        "per_second": round(requests / seconds),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(options.requests, options.seed)
    print(json.dumps(result) if options.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
