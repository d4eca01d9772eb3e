"""What a sync costs: `python benchmarks/sync.py --json`.

100,000 orders of three lines and 40,000 reviews, pulled over loopback HTTP into SQLite and PostgreSQL,
beside the bare loop of `bare.py` in the same round. Every figure is a median of ratios within a round,
so that it holds on a machine whose speed drifts. CPU is user and system time of the client from the
first request to the last commit (imports are left out on both sides), plus that of the PostgreSQL
server processes that served it, where they run on this machine.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POSTGRES = os.environ.get("CRMSYNC_TEST_POSTGRES", "postgresql://127.0.0.1/test")
STREAMS = ("orders", "reviews")


def client_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def server_cpu(url: str) -> float:
    """CPU seconds so far of the server processes of this database's sessions; 0 where they are elsewhere."""
    if not url.startswith("postgresql"):
        return 0.0
    import psycopg

    with psycopg.connect(url) as session:
        # Not autovacuum, which comes and goes as it likes.
        rows = session.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        ).fetchall()
    ticks = 0
    for (pid,) in rows:
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measured(work: Any, url: str) -> dict[str, float]:
    """Run it; what it cost."""
    cpu, wall = client_cpu() + server_cpu(url), time.perf_counter()
    work()
    return {
        "cpu": client_cpu() + server_cpu(url) - cpu,
        "wall": time.perf_counter() - wall,
        "rss_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def run_bare(shop: str, database: str) -> dict[str, Any]:
    """One first sync by the bare loop."""
    sys.path.insert(0, str(Path(__file__).parent))
    import bare

    path = database.removeprefix("sqlite:///")
    write = bare.postgresql_writer(database) if path == database else bare.sqlite_writer(path)
    return measured(lambda: bare.sync(shop, write), database)


def run_crmsync(
    shop: str, database: str, *, full: bool = False, profile: bool = False, encrypt: bool = False
) -> dict[str, Any]:
    """One sync by crmsync's own engine, through the demo connector."""
    from crmsync_demo.connector import DemoConnector

    from crmsync.sdk import SystemClock
    from crmsync.store import Store
    from crmsync.store.encryption import unlock
    from crmsync.store.schema import upgrade
    from crmsync.sync.connection import open_source, sync_connection
    from crmsync.sync.stream import Scope

    logging.disable()
    store = Store(database)
    upgrade(store)
    clock = SystemClock()
    unlock(store, ["k" * 32] if encrypt else [], clock.now())
    settings = DemoConnector.Settings(
        base_url=shop, client_id="demo", client_secret="demo-secret", page_size=250
    )
    source = open_source(store, "bulk", DemoConnector, settings, clock)
    runs: list[Any] = []

    def work() -> None:
        runs.extend(sync_connection(store, source, clock, streams=STREAMS, scope=Scope(full=full)))

    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(work)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(30)
        return {}
    cost = measured(work, database)
    failed = [f"{run.stream}: {run.reason}" for run in runs if run.status != "ok"]
    if failed:
        raise SystemExit("; ".join(failed))
    return {
        **cost,
        "pulled": sum(run.pulled for run in runs),
        "written": sum(run.inserted + run.updated for run in runs),
    }


def child(task: str, shop: str, database: str, encrypt: bool = False) -> dict[str, Any]:
    """Run one task in a fresh process."""
    command = [sys.executable, __file__, "--task", task, "--shop", shop, "--database", database]
    command += ["--encrypt"] * encrypt
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@contextmanager
def fresh_database(kind: str) -> Iterator[str]:
    """The URL of an empty database."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"
        return
    import psycopg
    from psycopg import conninfo

    name = f"crmsync_bench_{os.getpid()}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        try:
            parts = conninfo.conninfo_to_dict(POSTGRES)
            user = f"{parts['user']}@" if parts.get("user") else ""
            yield f"postgresql://{user}{parts.get('host', '127.0.0.1')}:{parts.get('port', 5432)}/{name}"
        finally:
            server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def one_round(kind: str, orders: int, reviews: int, encrypt: bool) -> dict[str, float]:
    """Bare and ours in turn, against the same shop."""
    from crmsync.testing import shop_process

    with shop_process("crmsync.testing.bulk", orders=orders, reviews=reviews) as shop:
        with fresh_database(kind) as database:
            bare = child("bare", shop.url, database)
        with fresh_database(kind) as database:
            first = child("sync", shop.url, database, encrypt)
            reread = child("reread", shop.url, database, encrypt)
            shop.change(0.01)
            delta = child("sync", shop.url, database, encrypt)
    assert first["written"] == orders + reviews, first
    assert delta["written"] == orders // 100 + reviews // 100, delta
    return {
        "bare_cpu": bare["cpu"],
        "first_cpu": first["cpu"],
        "first_cpu_ratio": first["cpu"] / bare["cpu"],
        "first_wall_ratio": first["wall"] / bare["wall"],
        "reread_cpu_vs_first": reread["cpu"] / first["cpu"],
        "reread_rows_written": reread["written"],
        "delta_cpu_vs_first": delta["cpu"] / first["cpu"],
        "rss_kb": first["rss_kb"],
    }


def rss_of(kind: str, orders: int, reviews: int) -> float:
    from crmsync.testing import shop_process

    with (
        shop_process("crmsync.testing.bulk", orders=orders, reviews=reviews) as shop,
        fresh_database(kind) as database,
    ):
        return float(child("sync", shop.url, database)["rss_kb"])


def benchmark(kind: str, orders: int, reviews: int, rounds: int, encrypt: bool) -> dict[str, float]:
    """The medians of some rounds."""
    results = []
    for number in range(rounds):
        results.append(one_round(kind, orders, reviews, encrypt))
        print(f"{kind} round {number + 1}/{rounds}: {_line(results[-1])}", file=sys.stderr)
    figures = {name: statistics.median(r[name] for r in results) for name in results[0]}
    figures["rss_growth_25k_to_100k"] = figures.pop("rss_kb") / rss_of(kind, orders // 4, reviews // 4)
    return {name: round(value, 4) for name, value in figures.items()}


def _line(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in figures.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--reviews", type=int, default=40_000)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--encrypt", action="store_true", help="store contact data and texts encrypted")
    parser.add_argument("--profile", action="store_true", help="show where a first sync spends its time")
    parser.add_argument("--task", choices=["bare", "sync", "reread"], help=argparse.SUPPRESS)
    parser.add_argument("--shop", help=argparse.SUPPRESS)
    parser.add_argument("--database", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.task == "bare":
        print(json.dumps(run_bare(args.shop, args.database)))
    elif args.task:
        print(
            json.dumps(
                run_crmsync(args.shop, args.database, full=args.task == "reread", encrypt=args.encrypt)
            )
        )
    elif args.profile:
        from crmsync.testing import shop_process

        for kind in args.databases.split(","):
            with (
                shop_process("crmsync.testing.bulk", orders=args.orders, reviews=args.reviews) as shop,
                fresh_database(kind) as database,
            ):
                run_crmsync(shop.url, database, profile=True, encrypt=args.encrypt)
    else:
        figures = {
            kind: benchmark(kind, args.orders, args.reviews, args.rounds, args.encrypt)
            for kind in args.databases.split(",")
        }
        report = {
            "version": 1,
            "orders": args.orders,
            "reviews": args.reviews,
            "rounds": args.rounds,
            **figures,
        }
        print(json.dumps(report) if args.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
