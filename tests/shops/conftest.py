"""Real shops, started from their seeded snapshots on free ports of loopback, and ended with the module."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from medusa_shop import MedusaShop
from pulling import Pulling
from vendure_shop import VendureShop

from crmsync.store import Store

PEERS = os.environ.get("CRMSYNC_TEST_SHOPS")
POSTGRES = Path("/usr/lib/postgresql/15/bin/initdb")
PATIENCE = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.shops)


def installed(name: str, *programs: str) -> Path:
    """The folder of an installed shop. Skips with the reason where it cannot be run."""
    if PEERS is None:
        pytest.skip(f"{name} is not asked for: CRMSYNC_TEST_SHOPS names no folder of installed shops")
    missing = [program for program in ("node", "curl", *programs) if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{name} cannot be run without {', '.join(missing)}")
    folder = Path(PEERS) / name
    if not (folder / "node_modules").is_dir():
        pytest.skip(f"{name} is not installed in {folder}")
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(folder: Path, environ: dict[str, str]) -> Iterator[Path]:
    """A shop that runs in a folder of its own, which shares only the installed packages."""
    home = Path(tempfile.mkdtemp(prefix=f"crmsync-{folder.name}-"))
    # PostgreSQL runs as another user than root, and reaches its data through this folder.
    home.chmod(0o755)
    run = home / folder.name
    run.mkdir()
    for file in folder.iterdir():
        if file.name == "node_modules":
            (run / file.name).symlink_to(file)
        elif file.is_file():
            shutil.copy(file, run)
    shutil.copy(folder.parent / "pg.sh", home)
    environ = {**os.environ, **environ, "PEERS_PGDATA": str(home / "pg")}

    def command(*words: str) -> None:
        # Into a file, because what is started keeps its output open for as long as it runs.
        with (home / "log").open("ab") as log:
            done = subprocess.run(words, cwd=run, env=environ, stdout=log, stderr=log, timeout=PATIENCE)
        assert done.returncode == 0, (home / "log").read_text()[-3000:]

    try:
        if "PGPORT_PEER" in environ:
            command("../pg.sh", "start")
            # Or start.sh would fill it with all of Medusa's migrations, for a shop without a snapshot.
            address = ("-h", "127.0.0.1", "-p", environ["PGPORT_PEER"], "-U", "postgres")
            command("psql", *address, "-c", "CREATE DATABASE medusa_empty")
        command("./start.sh", "reset")
        yield run
    finally:
        try:
            command("./start.sh", "stop")
        finally:
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def medusa() -> Iterator[MedusaShop]:
    """A Medusa server, its PostgreSQL included."""
    folder = installed("medusa", "psql", "pg_restore")
    if not POSTGRES.exists():
        pytest.skip(f"medusa cannot be run without PostgreSQL 15 ({POSTGRES})")
    if os.geteuid() != 0:
        pytest.skip("medusa's PostgreSQL is started as the user postgres, which only root may do")
    port, database = free_port(), free_port()
    with started(folder, {"PORT": str(port), "PGPORT_PEER": str(database)}):
        yield MedusaShop(port, database)


@pytest.fixture(scope="module")
def vendure() -> Iterator[VendureShop]:
    """A Vendure server."""
    port = free_port()
    with started(installed("vendure"), {"PORT": str(port)}) as run:
        yield VendureShop(port, run / "vendure.sqlite")


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Store]:
    """A store that lasts as long as its shop."""
    path = tmp_path_factory.mktemp("shop") / "crmsync.db"
    shutil.copy(sqlite_template, path)
    store = Store(f"sqlite:///{path}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def from_medusa(medusa: MedusaShop, module_store: Store) -> Pulling:
    return Pulling(module_store, "medusa", medusa.settings)


@pytest.fixture(scope="module")
def from_vendure(vendure: VendureShop, module_store: Store) -> Pulling:
    return Pulling(module_store, "vendure", vendure.settings)
