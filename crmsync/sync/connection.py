"""Every stream of one connection, in order; one that fails does not stop the next."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update

from crmsync.sdk import (
    Clock,
    Connector,
    Context,
    CrmsyncError,
    HttpSession,
    Limits,
    Rejection,
    RunResult,
    Shop,
)
from crmsync.sdk.settings import Settings
from crmsync.store import Store
from crmsync.store import tables as t
from crmsync.store.keyring import Keyring
from crmsync.store.quota import StorePacer
from crmsync.store.token import StoreTokens
from crmsync.sync.keep import KEEP_ALL, Keep
from crmsync.sync.progress import Progress, Unwatched
from crmsync.sync.stream import INCREMENTAL, Scope, Source, StreamRun, Waits

log = logging.getLogger("crmsync.sync")

CHECK_EVERY = timedelta(days=1)


def open_source(
    store: Store,
    name: str,
    connector_class: type[Connector[Any]],
    settings: Settings,
    clock: Clock,
    *,
    zone: str | None = None,
    stop: threading.Event | None = None,
    limits: Limits | None = None,
) -> Source:
    """A connection ready to be pulled from or pushed to: its connector, and its row in the store."""
    waits = Waits()
    stop = stop or threading.Event()
    connector = connector_class(settings, open_context(store, name, clock, waits, stop, limits))
    return Source(connector, _connection_id(store, name, connector, zone), name, waits)


def open_context(
    store: Store,
    name: str,
    clock: Clock,
    waits: Waits,
    stop: threading.Event,
    limits: Limits | None = None,
) -> Context:
    """What the host hands to a plugin: a session and tokens that other processes share through the store."""
    pacer = StorePacer(store)
    http = partial(
        HttpSession, connection=name, clock=clock, pacer=pacer, on_wait=waits, stop=stop, limits=limits
    )
    plugin_log = logging.getLogger(f"crmsync.plugin.{name}")
    return Context(name, clock, plugin_log, http, StoreTokens(store, name), stop)


def _connection_id(store: Store, name: str, connector: Connector[Any], zone: str | None) -> int:
    known = {"connector": connector.name, "scope": connector.identity_scope()}
    if zone is not None:
        known["zone"] = zone
    with store.write() as connection:
        connection_id = connection.execute(select(t.Connection.id).where(t.Connection.name == name)).scalar()
        if connection_id is None:
            return int(
                connection.execute(
                    insert(t.Connection).values(name=name, **known).returning(t.Connection.id)
                ).scalar_one()
            )
        connection.execute(update(t.Connection).where(t.Connection.id == connection_id).values(**known))
    return int(connection_id)


def check_source(store: Store, source: Source, now: datetime, zone: str | None = None) -> Shop:
    """Prove the credentials and remember what the platform says of the shop. Raises what `check` raises."""
    shop = source.connector.check()
    with store.write() as connection:
        connection.execute(
            update(t.Connection)
            .where(t.Connection.id == source.connection_id)
            .values(shop=shop.name, currency=shop.currency, zone=zone or shop.zone, checked_at=now)
        )
    return shop


def sync_connection(
    store: Store,
    source: Source,
    clock: Clock,
    *,
    streams: Collection[str] | None = None,
    scope: Scope = INCREMENTAL,
    zone: str | None = None,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
    on_rejected: Callable[[Rejection], None] = lambda rejection: None,
    on_finished: Callable[[RunResult], None] = lambda run: None,
    keyring: Keyring | None = None,
    keep: Keep = KEEP_ALL,
) -> list[RunResult]:
    """Run the streams of one connection; the results say how each ended, and nothing is raised."""
    stop = stop or threading.Event()
    _check_daily(store, source, clock, zone)
    results = []
    offered = source.connector.offers()
    for stream in source.connector.streams():
        if stream not in offered or (streams is not None and stream not in streams):
            continue
        if stop.is_set():
            break
        watched = progress or Unwatched()
        run = StreamRun(store, source, stream, clock, scope, stop, watched, on_rejected, keyring, keep)
        results.append(run.run())
        on_finished(results[-1])
    return results


def _check_daily(store: Store, source: Source, clock: Clock, zone: str | None) -> None:
    now = clock.now()
    with store.read() as connection:
        checked_at = connection.execute(
            select(t.Connection.checked_at).where(t.Connection.id == source.connection_id)
        ).scalar()
    if checked_at is not None and now - checked_at < CHECK_EVERY:
        return
    try:
        check_source(store, source, now, zone)
    except Exception as error:
        # The streams will meet the same fault and report it where it belongs, in their runs.
        log.warning(
            "%s: check failed: %s",
            source.name,
            error if isinstance(error, CrmsyncError) else type(error).__name__,
            extra={"action": "check_failed", "connection": source.name},
        )
