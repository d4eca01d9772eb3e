"""`crmsync status`: everything in one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmsync.cli.option import AsJson, ConfigFile, InLanguage
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import Console

    from crmsync.daemon.status import Status, StreamStatus
    from crmsync.store.audit import AuditState


def status(config: ConfigFile = None, as_json: AsJson = False, language: InLanguage = None) -> None:
    """Show what is in sync, what waits, what failed, what is queued, and when what runs next."""
    from crmsync.cli.opening import opened
    from crmsync.daemon.neighbour import ask_daemon
    from crmsync.daemon.status import read_status
    from crmsync.store.audit import verify_audit

    with opened(config, language) as app:
        found = read_status(app.store, app.config, app.clock.now())
        audit = verify_audit(app.store)
        next_runs = ask_daemon(app.config)
        emit(
            {"status": found, "audit": audit, "daemon": next_runs is not None, "next_runs": next_runs or {}},
            as_json=as_json,
            language=app.config.language,
            show=lambda console: _show(console, found, audit, next_runs),
        )


def _show(console: Console, found: Status, audit: AuditState, next_runs: dict[str, Any] | None) -> None:
    table(
        console,
        ("stream", "state", "in sync", "last run", "why"),
        (
            (f"{s.connection}/{s.stream}", s.state, _ago(s.lag_seconds), _counts(s), _why(s))
            for s in found.streams
        ),
    )
    for connection in found.connections:
        if not connection.configured:
            console.print(f"{connection.id}: no longer in the configuration", markup=False)
        elif not connection.enabled:
            console.print(f"{connection.id}: not enabled", markup=False)
        elif not connection.streams:
            console.print(f"{connection.id}: never ran; {connection.schedule}", markup=False)
    console.print(f"quarantine: {found.quarantined or 'empty'}", markup=False)
    console.print(f"flags: {_counted(found.flags) or 'no rules'}", markup=False)
    console.print(f"messages: {_counted(found.messages) or 'none'}", markup=False)
    console.print(f"audit: {audit.why or f'{audit.entries} entries'}", markup=False)
    if next_runs is None:
        console.print("daemon: not running here")
    else:
        runs = ", ".join(f"{job} {at.astimezone():%H:%M:%S}" for job, at in next_runs.items() if at)
        console.print(f"daemon: running; next: {runs}", markup=False)


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"


def _counts(stream: StreamStatus) -> str:
    return f"{stream.pulled} pulled, {stream.inserted} new, {stream.updated} changed"


def _why(stream: StreamStatus) -> str:
    if stream.state == "waiting" and stream.waiting_until is not None:
        return f"until {stream.waiting_until.astimezone():%H:%M:%S}, {stream.waiting_reason}"
    return stream.reason


def _counted(counts: Any) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
