"""What Prometheus is told: counts of what happened here, and how things stand in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

import crmsync
from crmsync.daemon.app import App
from crmsync.daemon.status import Status, read_status
from crmsync.sdk import RunResult

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_STREAM = ("connection", "stream")
_DURATIONS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200)


class Metrics:
    """A registry of the daemon's own. No label grows with the number of customers."""

    def __init__(self, current: Callable[[], App]) -> None:
        # A second series for each counter, with the time of its birth, which nobody asks for.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._runs = Counter(
            "crmsync_sync_runs", "Runs of a stream.", (*_STREAM, "outcome"), registry=self.registry
        )
        self._records = Counter(
            "crmsync_sync_records", "Records pulled.", (*_STREAM, "result"), registry=self.registry
        )
        self._duration = Histogram(
            "crmsync_sync_duration_seconds",
            "How long a run of a stream took.",
            ("connection",),
            buckets=_DURATIONS,
            registry=self.registry,
        )
        self._waits = Counter(
            "crmsync_rate_limit_wait_seconds",
            "Time spent waiting for a platform's quota.",
            ("connection",),
            registry=self.registry,
        )
        self._events = Counter(
            "crmsync_webhook_requests",
            "Events received of platforms.",
            ("connection", "outcome"),
            registry=self.registry,
        )
        self._failures = Counter(
            "crmsync_stage_failures", "Parts of a stage that failed.", ("stage",), registry=self.registry
        )
        self._reloaded = Gauge(
            "crmsync_config_last_reload_success",
            "1 when the configuration in the file is the one at work.",
            registry=self.registry,
        )
        self._reloaded.set(1)
        build = Gauge("crmsync_build_info", "This version.", ("version",), registry=self.registry)
        build.labels(crmsync.__version__).set(1)
        self.registry.register(_Standing(current))

    def ran(self, run: RunResult) -> None:
        """Count a run of a stream."""
        self._runs.labels(run.connection, run.stream, run.status).inc()
        for result in ("inserted", "updated", "unchanged", "rejected", "deleted"):
            self._records.labels(run.connection, run.stream, result).inc(getattr(run, result))
        self._duration.labels(run.connection).observe((run.ended_at - run.started_at).total_seconds())
        self._waits.labels(run.connection).inc(run.waited_seconds)

    def received(self, connection: str, outcome: str) -> None:
        """Count an event of a platform."""
        self._events.labels(connection, outcome).inc()

    def failed(self, stage: str, count: int) -> None:
        """Count what failed in a stage."""
        self._failures.labels(stage).inc(count)

    def reloaded(self, *, well: bool) -> None:
        """Whether the last reload of the configuration went well."""
        self._reloaded.set(well)

    def exposition(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Standing(Collector):
    """How things stand, read from the store when somebody asks."""

    def __init__(self, current: Callable[[], App]) -> None:
        self._current = current

    def describe(self) -> Iterable[Metric]:
        # Without it the registry would read the store at registration.
        return []

    def collect(self) -> Iterable[Metric]:
        app = self._current()
        readable = GaugeMetricFamily("crmsync_store_readable", "1 when the database can be read.")
        try:
            status = read_status(app.store, app.config, app.clock.now())
        except SQLAlchemyError:
            readable.add_metric((), 0)
            yield readable
            return
        readable.add_metric((), 1)
        yield readable
        yield from _of_streams(status)
        yield from _of_stages(status)
        errors = GaugeMetricFamily(
            "crmsync_plugin_hook_errors", "Errors in plugins' event hooks.", labels=("plugin", "hook")
        )
        for labels, count in sorted(app.plugins.hook_errors.items()):
            errors.add_metric(labels, count)
        yield errors


def _of_streams(status: Status) -> Iterable[Metric]:
    lag = GaugeMetricFamily(
        "crmsync_stream_lag_seconds", "Time since a walk last reached the platform's end.", labels=_STREAM
    )
    success = GaugeMetricFamily(
        "crmsync_last_success_timestamp_seconds",
        "When a walk last reached the platform's end.",
        labels=_STREAM,
    )
    quarantined = GaugeMetricFamily("crmsync_quarantined_records", "Records in quarantine.", labels=_STREAM)
    for stream in status.streams:
        labels = (stream.connection, stream.stream)
        if stream.synced_at is not None and stream.lag_seconds is not None:
            lag.add_metric(labels, stream.lag_seconds)
            success.add_metric(labels, stream.synced_at.timestamp())
        quarantined.add_metric(labels, stream.quarantined)
    return (lag, success, quarantined)


def _of_stages(status: Status) -> Iterable[Metric]:
    flags = GaugeMetricFamily("crmsync_flags", "Flags that stand.", labels=("rule",))
    for rule, count in status.flags.items():
        flags.add_metric((rule,), count)
    outbox = GaugeMetricFamily("crmsync_outbox_messages", "Messages by state.", labels=("state",))
    for state, count in status.messages.items():
        outbox.add_metric((state,), count)
    oldest = GaugeMetricFamily(
        "crmsync_outbox_oldest_pending_seconds", "How long the longest due message waits."
    )
    due = status.oldest_due_at
    oldest.add_metric((), (status.at - due).total_seconds() if due else 0)
    audited = GaugeMetricFamily("crmsync_audit_entries", "Entries of the audit; they never become fewer.")
    audited.add_metric((), status.audited)
    return (flags, outbox, oldest, audited)
