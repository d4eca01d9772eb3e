"""The daemon: one process per database that keeps every connection, rule and campaign on its schedule."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta

import crmsync
from crmsync.daemon.app import App
from crmsync.daemon.current import Current
from crmsync.daemon.endpoint import Answer, Endpoint, Request, Routes
from crmsync.daemon.health import Health
from crmsync.daemon.jobs import CARE, RULES, Jobs
from crmsync.daemon.metrics import CONTENT_TYPE, Metrics
from crmsync.daemon.notify import notify, reloading
from crmsync.daemon.outcome import PassResult
from crmsync.daemon.recurrence import Recurrence
from crmsync.daemon.replies import CONFIRM, STOP
from crmsync.daemon.signals import Signals
from crmsync.daemon.wake import Wakes
from crmsync.sdk import ConfigError, RunResult, WebhookRequest
from crmsync.store.lock import instance_lock

log = logging.getLogger("crmsync.daemon")

EXPIRE_EVERY = timedelta(days=1)
PATIENCE = 20.0
"""Seconds that work in hand has to come to its end. systemd and Docker kill after 90 and 10."""


class Daemon:
    """Runs an App's stages on their schedules until it is asked to stop."""

    def __init__(
        self,
        app: App,
        *,
        recurrence: Recurrence | None = None,
        on_reload: Callable[[App], None] = lambda app: None,
        patience: float = PATIENCE,
    ) -> None:
        self._current = Current(app)
        self._store, self._stop = app.store, app.stop
        self._recurrence = recurrence or Recurrence()
        self._on_reload = on_reload
        self._patience = patience
        self._health = Health(app.store)
        self._metrics = Metrics(lambda: self._current.app)
        self._jobs = Jobs(
            self._sync,
            self._woken,
            self._rules,
            self._care,
            self._privacy,
            self._alerts,
            self._health.beat,
        )
        self._wakes = Wakes()
        self._unjudged = threading.Event()
        self._first_pulls: set[str] = set()
        self._expired_at: datetime | None = None
        app.on_run = self._ran

    def run(self, signals: Signals) -> None:
        """Work until SIGTERM or SIGINT. Raises Locked when another process holds the database, and
        ConfigError when its address is taken."""
        with instance_lock(self._store):
            self._current.app.settle()
            endpoint = Endpoint(self._current.app.config.daemon.address, self._routes())
            try:
                self._first_pulls |= self._current.app.unread_connections()
                self._jobs.plan(self._current.app.config)
                self._jobs.start()
                self._health.leads = True
                self._say_ready()
                log.info(
                    "crmsync %s runs; health and metrics on port %d",
                    crmsync.__version__,
                    endpoint.port,
                    extra={"action": "daemon_started", "port": endpoint.port, "pid": os.getpid()},
                )
                while signals.take() == "reload":
                    self._reload()
                self._shut_down()
            finally:
                endpoint.close()

    # Jobs.

    def _sync(self, connection: str) -> None:
        with self._wakes.pull(connection, wait=True):
            self._pull(connection)
        if self._wakes.asked(connection):
            # An event that came while its stream had been pulled already.
            self._jobs.wake(connection)

    def _woken(self, connection: str) -> None:
        with self._wakes.pull(connection, wait=False) as streams:
            if streams:
                self._pull(connection, streams)

    def _pull(self, connection: str, streams: Collection[str] | None = None) -> None:
        with self._current.use() as app:
            if self._stop.is_set() or app.config.connection(connection) is None:
                return
            result = app.sync(connection, streams=streams)
            self._tell(result, "sync", connection)
        first = streams is None and connection in self._first_pulls
        if first:
            self._first_pulls.discard(connection)
        if result.wrote or first:
            self._unjudged.set()
            self._jobs.soon(RULES)

    def _rules(self) -> None:
        if self._first_pulls:
            # Half of a shop's history would raise flags, and messages, that the other half refutes.
            names = ", ".join(sorted(self._first_pulls))
            log.info("The rules wait for the first pull of %s.", names, extra={"action": "rules_wait"})
            return
        again = True
        while again and not self._stop.is_set():
            self._unjudged.clear()
            with self._current.use() as app:
                result = app.insight()
                self._tell(result, "insight")
                result = app.rules()
                self._tell(result, "rules")
                segments = app.segments()
                self._tell(segments, "segments")
            if result.changes or any(each.entered for each in segments.segments.values()):
                self._jobs.soon(CARE)
            # A sync that ended meanwhile could not start this job, for it was running.
            again = self._unjudged.is_set()

    def _care(self) -> None:
        again = True
        while again and not self._stop.is_set():
            with self._current.use() as app:
                result = app.care()
                self._tell(result, "care")
            again = result.delivery is not None and result.delivery.more

    def _privacy(self) -> None:
        with self._current.use() as app:
            if not self._stop.is_set():
                now = app.clock.now()
                expire = self._expired_at is None or now - self._expired_at >= EXPIRE_EVERY
                self._tell(app.privacy(expire=expire), "privacy")
                if expire:
                    self._expired_at = now

    def _alerts(self) -> None:
        with self._current.use() as app:
            if not self._stop.is_set():
                self._tell(app.alerts(), "alerts")

    def _tell(self, result: PassResult, stage: str, part: str = "") -> None:
        self._metrics.failed(stage, len(result.failures))
        if not result.failures:
            self._recurrence.worked(stage, part)

    def _ran(self, run: RunResult) -> None:
        self._metrics.ran(run)
        self._recurrence.ran(run)

    # Requests from outside.

    def _reload(self) -> None:
        reloading()
        try:
            app = self._current.app.reloaded()
        except ConfigError as error:
            log.error(
                "The new configuration cannot be used; the old one stays.\n%s",
                error,
                extra={"action": "reload_failed"},
            )
            self._metrics.reloaded(well=False)
        else:
            self._on_reload(app)
            before = {entry.id for entry in self._current.app.config.connections}
            enabled = {entry.id for entry in app.config.connections if entry.enabled}
            self._first_pulls = self._first_pulls & enabled | app.unread_connections() - before
            self._current.replace(app)
            self._jobs.plan(app.config)
            self._metrics.reloaded(well=True)
            log.info("The configuration was read again.", extra={"action": "reloaded"})
        self._say_ready()

    def _shut_down(self) -> None:
        """Let the page and the message in hand come to their end; settle what does not in time."""
        notify("STOPPING=1")
        log.info("Stopping.", extra={"action": "stopping"})
        self._stop.set()
        ending = threading.Thread(target=self._jobs.shutdown, name="shutdown", daemon=True)
        ending.start()
        ending.join(self._patience)
        overdue = ending.is_alive()
        if overdue:
            # Some platform does not answer. What is claimed is settled now, not at the next start.
            self._current.app.settle()
        log.info("Stopped.", extra={"action": "stopped", "overdue": overdue})
        if overdue:
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError):
                    stream.flush()
            # The interpreter would wait for the thread that waits for the platform.
            os._exit(0)

    def _say_ready(self) -> None:
        config = self._current.app.config
        enabled = sum(entry.enabled for entry in config.connections)
        notify(
            "READY=1",
            f"STATUS={enabled} connections, {len(config.rules)} rules, {len(config.care)} campaigns",
        )

    def _routes(self) -> Routes:
        return {
            ("GET", "/healthz"): self._healthz,
            ("GET", "/readyz"): self._readyz,
            ("GET", "/jobs"): self._next_jobs,
            ("GET", "/metrics"): lambda request: Answer(200, self._metrics.exposition(), CONTENT_TYPE),
            ("POST", "/webhooks/"): self._webhook,
            ("GET", "/unsubscribe/"): self._reply(STOP.ask),
            ("POST", "/unsubscribe/"): self._reply(STOP.take),
            ("GET", "/confirm/"): self._reply(CONFIRM.ask),
            ("POST", "/confirm/"): self._reply(CONFIRM.take),
        }

    def _reply(self, page: Callable[[App, Request], Answer]) -> Callable[[Request], Answer]:
        """What a customer answers to a message, under the configuration at work then."""

        def answer(request: Request) -> Answer:
            with self._current.use() as app:
                return page(app, request)

        return answer

    def _webhook(self, request: Request) -> Answer:
        """An event of the platform of the connection that the path names."""
        connection = request.rest
        with self._current.use() as app:
            verdict = app.receive(connection, WebhookRequest(request.headers, request.body))
        if verdict is None:
            return Answer.json(404, {"error": "no such connection takes events"})
        self._metrics.received(connection, verdict.outcome)
        if verdict.outcome in ("forged", "stale"):
            return Answer.json(
                401, {"error": "the signature is not that of this connection's platform, or old"}
            )
        if verdict.streams:
            self._wakes.ask(connection, verdict.streams)
            self._jobs.wake(connection)
        # A repeated one is no fault of the platform's: our answer to the first may have been lost.
        return Answer.json(
            200, {"version": 1, "outcome": verdict.outcome, "streams": sorted(verdict.streams)}
        )

    def _next_jobs(self, request: Request) -> Answer:
        config = self._current.app.config.path
        return Answer.json(200, {"version": 1, "config": config, "jobs": self._jobs.next_runs()})

    def _healthz(self, request: Request) -> Answer:
        alive = self._health.alive
        return Answer.json(200 if alive else 503, {"version": 1, "alive": alive})

    def _readyz(self, request: Request) -> Answer:
        checks = self._health.readiness()
        ready = all(checks.values())
        return Answer.json(200 if ready else 503, {"version": 1, "ready": ready, **checks})
