"""What a delivery costs: `python benchmarks/delivery.py --json`.

10,000 messages planned and sent to a server on loopback, beside a bare loop of the same requests in the same
round, over channels of the kinds `key` and `none`, on SQLite and PostgreSQL; `plan_share` is the part of our
CPU that planning took. And deliveries that do nothing, each
with one durable commit of its own, beside Celery tasks that do nothing on Redis where both are installed.
CPU is user and system time of our process (of Celery's worker and producer), plus that of the PostgreSQL
sessions or the Redis server that served it. Every figure is a ratio within one round.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import logging
import os
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import outbox
from crash_delivery import SECRET, channel_of
from sync import client_cpu, fresh_database, server_cpu

from crmsync.sdk import Channel, OutgoingMessage, Receipt, Settings, SystemClock

TASKS = """
from celery import Celery
app = Celery("tasks", broker="{redis}", backend=None)
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=100, task_ignore_result=True)
@app.task
def nothing(key):
    return None
"""


class NoSettings(Settings):
    """Nothing."""


class Nothing(Channel[NoSettings]):
    """Delivers by doing nothing; nobody can tell what became of a key, so each has a commit of its own."""

    name = "nothing"
    title = "Nothing"
    Settings = NoSettings
    medium = "webhook"

    def __init__(self) -> None:
        self.settings = NoSettings()

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        return Receipt("done")


def delivered(url: str, kind: str, http: int, messages: int, profile: bool) -> dict[str, float]:
    """Plan them all and send them; what it cost. Those that do nothing are there already."""
    from crmsync.care import deliver, plan
    from crmsync.store import Store
    from crmsync.store.schema import upgrade

    logging.disable()
    store, clock = Store(url), SystemClock()
    upgrade(store)
    if kind == "nothing":
        outbox.fill(store, messages, datetime.now(UTC), medium="webhook")
    else:
        outbox.flag(store, messages, datetime.now(UTC))
    channel: Any = Nothing() if kind == "nothing" else channel_of(kind, 0, http, Path(), store, clock)

    def planned() -> None:
        result = plan(store, [outbox.CAMPAIGN], {"bench": channel}, outbox.LIMITS, now=clock.now())
        assert result.planned == messages, result

    def work() -> None:
        result = deliver(
            store, [outbox.CAMPAIGN], {"bench": channel}, outbox.LIMITS, clock=clock, at_most=10**6
        )
        assert result.sent == messages, result

    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(work)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    before = {"cpu": 0.0, "wall": 0.0} if profile or kind == "nothing" else measured(planned, url)
    cost = measured(work, url) if not profile else {}
    store.close()
    return {**{name: cost[name] + before[name] for name in cost}, "plan_cpu": before["cpu"]}


def measured(work: Any, url: str) -> dict[str, float]:
    cpu, wall = client_cpu() + server_cpu(url), time.perf_counter()
    work()
    return {"cpu": client_cpu() + server_cpu(url) - cpu, "wall": time.perf_counter() - wall}


def bare(kind: str, http: int, messages: int) -> dict[str, float]:
    """The same requests, signed, one after the other, and nothing written down."""
    import requests
    from crmsync_webhook.channel import signed
    from crmsync_webhook.settings import secret_bytes
    from pydantic import SecretStr

    session, secret = requests.Session(), secret_bytes(SecretStr(SECRET))

    def work() -> None:
        for number in range(messages):
            now = datetime.now(UTC)
            data = {"campaign": "bench", "subject": "Hello", "body": f"A word to customer {number}."}
            body = json.dumps({"type": "message", "timestamp": now.isoformat(), "data": data}).encode()
            headers = signed(f"bare-{number}", now, body, [secret])
            session.post(f"http://127.0.0.1:{http}/{kind}", data=body, headers=headers, timeout=30)

    return measured(work, "")


def child(*arguments: str) -> dict[str, float]:
    """One task in a fresh process."""
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def against_bare(database: str, kind: str, messages: int) -> dict[str, float]:
    """One round: both against one server."""
    server = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "crash_delivery.py"), "--serve"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    _, http = server.stdout.readline().split()
    common = ("--kind", kind, "--http", http, "--messages", str(messages))
    try:
        with fresh_database(database) as url:
            ours = child("--task", "deliver", "--database", url, *common)
        loop = child("--task", "bare", *common)
    finally:
        server.terminate()
        server.wait()
    return {
        "cpu_ratio": ours["cpu"] / loop["cpu"],
        "wall_ratio": ours["wall"] / loop["wall"],
        "cpu_ms_each": 1000 * ours["cpu"] / messages,
        "plan_share": ours["plan_cpu"] / ours["cpu"],
    }


def against_celery(database: str, messages: int, redis: str) -> dict[str, Any]:
    """Deliveries that do nothing beside tasks that do nothing."""
    with fresh_database(database) as url:
        common = ("--kind", "nothing", "--messages", str(messages))
        ours = child("--task", "deliver", "--database", url, *common)
    figures: dict[str, Any] = {"cpu_ms_each": 1000 * ours["cpu"] / messages}
    try:
        theirs = celery(messages, redis)
    except (ImportError, OSError) as error:
        return figures | {"celery_cpu_ratio": None, "why": f"Celery or Redis is not here: {error}"}
    return figures | {
        "celery_cpu_ms_each": 1000 * theirs["cpu"] / messages,
        "celery_cpu_ratio": ours["cpu"] / theirs["cpu"],
        "celery_wall_ratio": ours["wall"] / theirs["wall"],
    }


def celery(messages: int, url: str) -> dict[str, float]:
    """What Celery spends on so many tasks: the producer, the worker with its children, and Redis."""
    import celery  # noqa: F401
    import redis

    client = redis.Redis.from_url(url)
    client.ping()
    if client.dbsize():
        raise OSError(f"{url} holds something; name an empty database with --redis")

    def redis_cpu() -> float:
        info = client.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def children() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bench_tasks.py").write_text(TASKS.format(redis=url))
        sys.path.insert(0, folder)
        import bench_tasks

        start_cost = _worker(folder, client, children)
        cpu, wall, served = client_cpu(), time.perf_counter(), redis_cpu()
        for number in range(messages):
            bench_tasks.nothing.delay(f"key-{number}")
        worked = _worker(folder, client, children)
        client.flushdb()
        total = client_cpu() - cpu + redis_cpu() - served + worked - start_cost
        return {"cpu": total, "wall": time.perf_counter() - wall}


def _worker(folder: str, client: Any, children: Any) -> float:
    """Run a worker until the queue is empty; its CPU seconds."""
    before = children()
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench_tasks",
        "worker",
        "--concurrency=1",
        "--loglevel=ERROR",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]
    worker = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ}
    )
    time.sleep(8)
    while client.llen("celery") or client.hlen("unacked"):
        time.sleep(0.2)
    worker.terminate()
    worker.wait()
    return float(children() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--kinds", default="key,none")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/9", help="an empty database")
    parser.add_argument("--no-celery", action="store_true", help="leave Celery out")
    parser.add_argument("--profile", action="store_true", help="show where deliveries spend their time")
    parser.add_argument("--task", choices=["deliver", "bare"], help=argparse.SUPPRESS)
    parser.add_argument("--kind", default="nothing", help=argparse.SUPPRESS)
    parser.add_argument("--http", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--database", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task == "bare":
        print(json.dumps(bare(args.kind, args.http, args.messages)))
        return
    if args.task == "deliver":
        print(json.dumps(delivered(args.database, args.kind, args.http, args.messages, args.profile)))
        return
    if args.profile:
        with fresh_database("sqlite") as url:
            delivered(url, "nothing", 0, args.messages, profile=True)
        return
    report: dict[str, Any] = {"version": 1, "messages": args.messages, "rounds": args.rounds}
    for database in args.databases.split(","):
        for kind in args.kinds.split(","):
            rounds = [against_bare(database, kind, args.messages) for _ in range(args.rounds)]
            figures = {name: round(statistics.median(r[name] for r in rounds), 3) for name in rounds[0]}
            report[f"{database}_{kind}"] = figures
            print(f"{database} {kind}: {figures}", file=sys.stderr, flush=True)
        if not args.no_celery:
            report[f"{database}_nothing"] = against_celery(database, args.messages, args.redis)
            print(f"{database} nothing: {report[f'{database}_nothing']}", file=sys.stderr, flush=True)
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
