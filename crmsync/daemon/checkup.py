"""What can be found wrong before it goes wrong: offline in the configuration, live in all it names."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from crmsync.config import Config
from crmsync.plugins import PluginHost
from crmsync.sdk import CrmsyncError

if TYPE_CHECKING:
    from crmsync.daemon.app import App

_AHEAD = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and what to do when it is not well."""

    name: str
    well: bool
    told: str
    fix: str = ""


def check_offline(config: Config, plugins: PluginHost) -> list[Check]:
    """Look at plugins and templates; the configuration itself was checked when it was read."""
    from crmsync.care import check_templates

    told = f"{len(config.connections)} connections, {len(config.rules)} rules, {len(config.care)} campaigns"
    checks = [Check("configuration", True, told)]
    broken = [plugin for plugin in plugins.plugins if plugin.status in ("failed", "incompatible")]
    checks += [
        Check(f"plugin {plugin.name}", False, plugin.reason, "Correct it, or name it under disabled_plugins.")
        for plugin in broken
    ]
    loaded = sum(plugin.status == "loaded" for plugin in plugins.plugins)
    checks.append(Check("plugins", True, f"{loaded} loaded"))
    problems = check_templates(config.care, config.folder)
    checks += [
        Check(
            f"template {problem.path}",
            False,
            f"{problem.file}:{problem.line}: {problem.message}",
            problem.fix,
        )
        for problem in problems
    ]
    if not problems:
        checks.append(Check("templates", True, f"those of {len(config.care)} campaigns can be rendered"))
    return checks


def check_live(app: App) -> Iterator[Check]:
    """Look at everything the daemon would touch, one after the other; nothing is changed or sent."""
    yield from check_offline(app.config, app.plugins)
    yield from _files(app)
    yield from _store(app)
    yield _erasures(app)
    for entry in app.config.connections:
        if entry.enabled:
            yield _connection(app, entry.id)
    made = {"rule": app.parts.rules, "channel": {**app.parts.channels, **app.parts.team}}
    for kind, failures in (
        ("rule", app.parts.unusable("rules")),
        ("channel", app.parts.unusable("care") + app.parts.unusable("alerts")),
    ):
        yield from (Check(f"{kind} {f.part}", False, f.reason, "Correct its settings.") for f in failures)
        if made[kind]:
            yield Check(f"{kind}s", True, f"{', '.join(sorted(made[kind]))} can be used")


def _files(app: App) -> Iterator[Check]:
    if app.config.path is not None:
        yield _mode("configuration file", app.config.path, 0o022, "others can change it")
    if app.store.dialect == "sqlite":
        database = Path(str(app.store.url.database))
        for name, suffix in (("database file", ""), ("database log", "-wal"), ("database index", "-shm")):
            if (path := database.with_name(database.name + suffix)).exists():
                yield _mode(name, path, 0o077, "others can read it")


def _erasures(app: App) -> Check:
    from crmsync.care.erasure import unfinished

    waiting = len(unfinished(app.store))
    if not waiting:
        return Check("erasures", True, "the database's files hold nothing of whom was erased")
    told = f"the database's files are still to be cleaned of {waiting} customers who were erased"
    return Check("erasures", False, told, "The daemon does it; without one run: crmsync db clean.")


def _mode(name: str, path: Path, too_open: int, then: str) -> Check:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & too_open:
        return Check(
            name, False, f"{path} has mode {mode:04o}: {then}.", f"Run: chmod {mode & ~too_open:o} {path}"
        )
    return Check(name, True, f"{path}, mode {mode:04o}")


def _store(app: App) -> Iterator[Check]:
    from crmsync.daemon.health import Health
    from crmsync.daemon.status import read_status
    from crmsync.store.audit import verify_audit
    from crmsync.store.encryption import stale_tables

    ready = Health(app.store).readiness()
    well = ready["database_writable"]
    yield Check(
        "database",
        well,
        f"{app.store.dialect}, {'writable' if well else 'not writable'}",
        "" if well else "Check the disk, its permissions, and whether the server is read-only.",
    )
    vault = app.store.vault
    plain = "stored as they come; encryption.key would have them encrypted"
    told = f"encrypted with the key {vault.key_id}" if vault.key_id else plain
    if vault.key_id and (left := stale_tables(app.store)):
        fix = "Run: crmsync db rotate-keys"
        yield Check("contact data", False, f"not all under the key {vault.key_id}: {', '.join(left)}", fix)
    else:
        yield Check("contact data", True, told)
    found = verify_audit(app.store)
    yield Check(
        "audit",
        found.whole,
        found.why or f"{found.entries} entries, each as it was written",
        "" if found.whole else "Find out who can write the database; compare with a backup.",
    )
    status = read_status(app.store, app.config, app.clock.now())
    latest = max((s.started_at for s in status.streams if s.started_at), default=status.at)
    well = latest <= status.at + _AHEAD
    told = f"{status.at:%Y-%m-%d %H:%M:%S} UTC" + (
        "" if well else f", but a run began at {latest:%Y-%m-%d %H:%M:%S}"
    )
    yield Check("clock", well, told, "" if well else "Set the machine's clock; run an NTP client.")


def _connection(app: App, id: str) -> Check:
    from crmsync.sync.connection import check_source

    name = f"connection {id}"
    entry = app.connections.configured(id)
    try:
        shop = check_source(app.store, app.connections.source(id), app.clock.now(), entry.zone)
    except CrmsyncError as error:
        return Check(name, False, error.what, error.fix)
    except (Exception, SystemExit) as error:
        return Check(
            name, False, f"{type(error).__name__} in the connector {entry.connector}.", "Tell its author."
        )
    about = ", ".join(part for part in (shop.currency, entry.zone or shop.zone) if part)
    return Check(name, True, f"{shop.name} ({about})" if about else shop.name)
