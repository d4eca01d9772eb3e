"""`crmsync db`: the database's schema, its keys and its copies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import PARTIAL
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, actor
from crmsync.cli.output import emit, err, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.store.encryption import Rotated

app = typer.Typer(help="The database: its schema, its keys and its copies.", no_args_is_help=True)


@app.command("upgrade")
def upgrade(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Bring the database to the schema of this version. Make a backup first."""
    from crmsync.cli.opening import read
    from crmsync.store import Store, schema
    from crmsync.store.lock import instance_lock

    store = Store(read(config)[0].database)
    try:
        with instance_lock(store):
            before = schema.schema_state(store)
            if before != "current":
                schema.upgrade(store)
    finally:
        store.close()
    told = "It had the schema of this version already." if before == "current" else "Upgraded."
    emit(
        {"before": before, "now": "current"},
        as_json=as_json,
        language="en",
        show=lambda console: console.print(told),
    )


@app.command("clean")
def clean(config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Take what was deleted out of the database's files; all that waits is blocked meanwhile."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.privacy import clean as clean_files
    from crmsync.daemon.privacy import finish_erasures

    with opened(config) as opened_app:
        now = opened_app.clock.now()
        finish_erasures(opened_app.store, opened_app.terms.keyring, now)
        done = clean_files(opened_app.store, now, always=True)
        emit(
            {"clean": done.clean, "waiting": done.waiting},
            as_json=as_json,
            language="en",
            show=lambda console: console.print(
                "The files hold nothing of whom was erased."
                if done.clean
                else "Somebody is at work on the database; the daemon tries again within the hour."
            ),
        )
        return 0 if done.clean else PARTIAL


@app.command("expire")
def expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove what was kept for as long as `retention` says; the daemon does it once a day."""
    from crmsync.cli.opening import opened

    with opened(config) as opened_app:
        counts = opened_app.expire(dry_run=dry_run)
        emit(
            {"dry_run": dry_run, "expired": counts},
            as_json=as_json,
            language="en",
            show=lambda console: table(console, ("field", "would go" if dry_run else "gone"), counts.items()),
        )


@app.command("rotate-keys")
def rotate_keys(
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Encrypt contact data with the key under encryption.key: what is under an earlier one, and what is
    not encrypted yet. A daemon may go on working, once it has read the configuration with that key.
    """
    from crmsync.cli.opening import opened
    from crmsync.store.encryption import rotate_keys as rotate

    with opened(config, language) as opened_app:
        done = rotate(opened_app.store, actor=actor(), now=opened_app.clock.now, progress=_renewed)
    emit(plain(done), as_json=as_json, language="en", show=lambda console: _show_rotated(console, done))


def _renewed(name: str, rows: int) -> None:
    console = err()
    if console.is_terminal:
        console.print(f"{name}: {rows:,}", end="\r")


def _show_rotated(console: Console, done: Rotated) -> None:
    for name, rows in done.rows.items():
        if rows:
            console.print(f"{name}: {rows:,} rows encrypted", markup=False)
    console.print(f"Everything is under the key {done.key_id}.", markup=False)
    if done.retired:
        console.print(
            f"No longer needed: {', '.join(done.retired)}, but by copies of the database made so far.",
            markup=False,
        )


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="A new file for the copy.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Copy an SQLite database while it is in use, and check the copy."""
    from crmsync.cli.opening import read
    from crmsync.store import Store
    from crmsync.store.backup import backup as copy

    store = Store(read(config)[0].database)
    try:
        size = copy(store, file)
    finally:
        store.close()
    emit(
        {"file": file.absolute(), "bytes": size},
        as_json=as_json,
        language="en",
        show=lambda console: console.print(f"{file}: {size:,} bytes, checked.", markup=False),
    )
