"""Whether an erased person comes back: `python benchmarks/erase.py --json`.

So many times on SQLite and on PostgreSQL: a person with traces that nothing else has buys in a shop that is
pulled over loopback HTTP, is judged, written to, complained about, and partly rejected. They are found in
the database, each trace of them, so that the search is known to work, and erased; then everything is read
again, and once more when the platform has mended what could not be understood. After each time the traces
of all the persons so far are looked for, byte by byte: in every row of every table, the planner's
statistics, the files of the database and its write-ahead log, a dump, what is exported of them, and the log
at its most talkative. `canaries_found` is how many were found. What a PostgreSQL server's files still hold
is told apart: it keeps what is dead for a while.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests" / "privacy"), str(ROOT / "benchmarks")]

import canary  # noqa: E402
from household import Household  # noqa: E402
from sync import fresh_database  # noqa: E402

from crmsync.care.export import export_customer  # noqa: E402
from crmsync.cli.document import write_json, write_tables  # noqa: E402
from crmsync.cli.output import plain  # noqa: E402
from crmsync.daemon.app import App  # noqa: E402
from crmsync.daemon.logs import configure_logs  # noqa: E402
from crmsync.daemon.privacy import clean  # noqa: E402
from crmsync.store import Store  # noqa: E402
from crmsync.store.schema import upgrade  # noqa: E402
from crmsync.testing import FakeClock, Shop  # noqa: E402


@contextmanager
def household(kind: str, folder: Path) -> Iterator[Household]:
    """A small shop and an empty database."""
    with fresh_database(kind) as url, Shop(seed=3, customers=40, history_days=60) as shop:
        (folder / "secret").write_text(shop.credentials.client_secret)
        store = Store(url)
        upgrade(store)
        store.close()
        log = folder / f"{kind}.log"
        with log.open("w") as stream:
            configure_logs(stream=stream, level=logging.DEBUG, console=False)
            yield Household(shop, folder / f"{kind}.yaml", log, url, FakeClock(shop.now + timedelta(hours=1)))


def exports(app: App, home: Household, id: int, folder: Path) -> list[bytes]:
    """What the person would be given."""
    found = export_customer(
        app.store, app.terms.keyring, id, actor="bench", language="en", now=home.clock.now()
    )
    sections = plain(found.sections)
    document, tables = folder / f"{id}.json", folder / f"{id}.zip"
    for path in (document, tables):
        path.unlink(missing_ok=True)
    write_json(document, sections)
    write_tables(tables, sections)
    with zipfile.ZipFile(tables) as archive:
        return [document.read_bytes(), *(archive.read(member) for member in archive.namelist())]


def dump(url: str) -> bytes:
    """The database as `pg_dump` writes it; nothing where there is none, or for SQLite."""
    if not url.startswith("postgresql") or shutil.which("pg_dump") is None:
        return b""
    done = subprocess.run(["pg_dump", "--inserts", url], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def search(app: App, home: Household, more: list[bytes]) -> dict[str, Counter[str]]:
    """The traces of anybody, by where they were found."""
    return {
        "rows": canary.traces(canary.rows_as_text(app.store)),
        "statistics": canary.traces(canary.statistics(app.store)),
        "files": canary.traces(*canary.database_files(app.store)),
        "dump": canary.traces(dump(home.url)),
        "exports": canary.traces(*more),
        "log": canary.traces(home.log),
    }


def server_files(app: App) -> dict[str, int] | None:
    """How many traces the PostgreSQL server's files hold, where they are on this machine and may be read."""
    from sqlalchemy import text

    with app.store.read() as reading:
        folder = Path(str(reading.execute(text("SHOW data_directory")).scalar()))
        own = reading.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar()
    try:
        tables = [path for path in (folder / "base" / str(own)).iterdir() if path.is_file()]
        logs = [path for path in (folder / "pg_wal").iterdir() if path.is_file()]
        return {
            "tables": sum(canary.traces(*tables).values()),
            "write_ahead_log": sum(canary.traces(*logs).values()),
        }
    except OSError:
        return None


def rewritten(app: App) -> None:
    """What the docs tell ops to do who want the bytes gone now."""
    from sqlalchemy import text

    with app.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as session:
        session.execute(text("VACUUM FULL"))
        session.execute(text("CHECKPOINT"))


def known_to_work(control: dict[str, Counter[str]], kind: str) -> bool:
    """Whether each trace was found in the rows and in what the database writes out, and most are exported."""
    places = (
        ["rows", "files"] if kind == "sqlite" else ["rows", *(["dump"] if shutil.which("pg_dump") else [])]
    )
    everywhere = all(control[place][needle.decode()] for place in places for needle in canary.NEEDLES)
    return everywhere and bool(control["exports"])


def mend(home: Household, number: int) -> None:
    """What no mapping took is whole now: another profile with the person's proved address, another order."""
    profile, spoilt = canary.shop_rows(home.shop.now, number)["customers"]
    home.shop.put("customers", [{**profile, "id": spoilt["id"]}])
    order = canary.shop_rows(home.shop.now, number)["orders"][2]
    home.shop.put("orders", [{**order, "payable": "88.00"}])


def benchmark(kind: str, times: int) -> dict[str, Any]:
    """Erase and read again, so many times."""
    found: Counter[str] = Counter()
    before: Counter[str] = Counter()
    seen_everywhere = unclean = rewrote = 0
    troubles: list[str] = []
    with tempfile.TemporaryDirectory() as name, household(kind, Path(name)) as home:
        folder = Path(name)
        app = home.app()
        try:
            for number in range(1, times + 1):
                id = home.meets(app, number)
                control = search(app, home, exports(app, home, id, folder))
                seen_everywhere += known_to_work(control, kind)
                before.update({place: sum(traces.values()) for place, traces in control.items()})
                home.erases(app, id)
                unclean += not clean(app.store, home.clock.now()).clean
                result = home.reads_all(app)
                rewrote += result.wrote
                after = search(app, home, exports(app, home, id, folder))
                found.update({place: sum(traces.values()) for place, traces in after.items()})
                mend(home, number)
                result += home.reads_all(app)
                result += app.privacy()
                again = search(app, home, exports(app, home, id, folder))
                found.update({place: sum(traces.values()) for place, traces in again.items()})
                troubles += [f"{run.stream}: {run.reason}" for run in result.runs if run.status != "ok"]
                troubles += [failure.reason for failure in result.failures]
                print(f"{kind} {number}/{times}: {dict(+found) or 'nothing found'}", file=sys.stderr)
            report = {
                "times": times,
                "canaries_found": found.total(),
                "found_in": dict(+found),
                "control_found_each_time": seen_everywhere == times,
                "control_found": dict(before),
                "files_not_cleaned": unclean,
                "full_syncs_that_wrote": rewrote,
                "troubles": troubles[:5],
            }
            if kind == "postgresql":
                report["server_files_after_vacuum"] = server_files(app)
                rewritten(app)
                report["server_files_after_vacuum_full"] = server_files(app)
            return report
        finally:
            app.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    parser.add_argument("--times", type=int, default=100)
    parser.add_argument("--databases", default="sqlite,postgresql")
    args = parser.parse_args()
    figures = {kind: benchmark(kind, args.times) for kind in args.databases.split(",")}
    report = {
        "version": 1,
        "canaries_found": sum(each["canaries_found"] for each in figures.values()),
        **figures,
    }
    print(json.dumps(report) if args.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
