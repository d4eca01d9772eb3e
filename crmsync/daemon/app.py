"""All of crmsync, put together from one configuration; the only place that knows the order of stages."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from crmsync.care import CampaignPreview, Links, Terms, deliver, plan, preview, recover, take_bounces
from crmsync.care.cases import REPLIES, open_cases
from crmsync.care.retention import expire
from crmsync.config import Config, build_config, read_document
from crmsync.config.problem import nearest
from crmsync.daemon.alerts import tell_team
from crmsync.daemon.connections import Connections
from crmsync.daemon.notice import test_notice
from crmsync.daemon.outcome import FAULTS, Failure, PassResult, StageName, log
from crmsync.daemon.parts import Parts
from crmsync.daemon.privacy import clean, finish_erasures
from crmsync.daemon.status import walked_streams
from crmsync.insight import Windows, refresh_facts
from crmsync.plugins import PluginHost, open_config
from crmsync.rules import judge_rules, retire_rules
from crmsync.sdk import (
    Channel,
    Clock,
    ConfigError,
    FlagChange,
    MigrationNeeded,
    Receipt,
    RunResult,
    SystemClock,
    UsageError,
    WebhookRequest,
)
from crmsync.segments import refresh_segments
from crmsync.store import Store, schema
from crmsync.store.encryption import unlock
from crmsync.store.keyring import Keyring
from crmsync.sync.connection import sync_connection
from crmsync.sync.keep import Keep
from crmsync.sync.progress import Progress
from crmsync.sync.quarantine import Replayed, quarantine_counts, replay
from crmsync.sync.run import close_orphans
from crmsync.sync.stream import INCREMENTAL, Scope
from crmsync.sync.webhook import Verdict, receive
from crmsync.sync.write import Target


class App:
    """One configuration at work on one database.

    Every stage is isolated: what fails is told in the result and in the log, and the rest goes on.
    `on_run` is called with the result of every run of a stream, after its commit.
    """

    def __init__(
        self,
        config: Config,
        plugins: PluginHost,
        store: Store,
        clock: Clock,
        stop: threading.Event | None = None,
        on_run: Callable[[RunResult], None] = lambda run: None,
    ) -> None:
        self.config = config
        self.plugins = plugins
        self.store = store
        self.clock = clock
        self.stop = stop or threading.Event()
        self.on_run = on_run
        self.connections = Connections(config, plugins, store, clock, self.stop)
        self.parts = Parts(config, plugins, store, clock, self.stop, self.connections)

    @classmethod
    def open(
        cls,
        path: Path | None = None,
        *,
        database: str | None = None,
        clock: Clock | None = None,
        language: str | None = None,
        stop: threading.Event | None = None,
    ) -> App:
        """Read the configuration, load its plugins and open its database; an empty one gets its tables.

        `database` and `language` stand in for those of the file. Raises ConfigError, InvalidConfig, and
        MigrationNeeded when the database has another schema than this version's.
        """
        environ = {**os.environ, **({"CRMSYNC_DATABASE": database} if database else {})}
        config, plugins = open_config(path, environ)
        if language is not None:
            config = config.model_copy(update={"language": language})
        store, clock = Store(config.database), clock or SystemClock()
        try:
            _require_schema(store)
            unlock(store, config.encryption.keys, clock.now())
        except (ConfigError, MigrationNeeded):
            store.close()
            raise
        return cls(config, plugins, store, clock, stop)

    def reloaded(self) -> App:
        """The same database and plugins under the configuration as its file is now.

        Raises InvalidConfig, and ConfigError for a change that needs a restart.
        """
        assert self.config.path is not None
        document = read_document(self.config.path, os.environ)
        config = build_config(document, self.plugins, os.environ)
        for name, what in (("database", "the database"), ("plugin_dirs", "the folders of plugins")):
            if getattr(config, name) != getattr(self.config, name):
                raise ConfigError(f"{self.config.path}: {what} changed.", fix="Restart the daemon for that.")
        unlock(self.store, config.encryption.keys, self.clock.now())
        return App(config, self.plugins, self.store, self.clock, self.stop, self.on_run)

    def settle(self) -> tuple[int, int]:
        """Tidy what a process that was killed left behind: runs closed, messages settled.

        Only for the holder of the instance lock: it knows that nobody else is at work.
        """
        now = self.clock.now()
        orphans, recovered = close_orphans(self.store, now), recover(self.store, now=now)
        claimed = recovered.queued + recovered.doubtful + recovered.unknown
        if orphans or claimed:
            log.warning(
                "A process was cut short: %d runs closed, %d messages settled.",
                orphans,
                claimed,
                extra={"action": "recovered", "runs": orphans, "messages": claimed},
            )
        return orphans, claimed

    def retire(self) -> None:
        """Close what this configuration opened; the database stays open."""
        self.connections.close()
        self.parts.close()

    def close(self) -> None:
        """Close everything."""
        self.retire()
        self.store.close()

    # The stages, in the order in which data moves.

    def sync(
        self,
        connection: str,
        *,
        streams: Collection[str] | None = None,
        scope: Scope = INCREMENTAL,
        progress: Progress | None = None,
    ) -> PassResult:
        """Pull one connection. Raises UsageError when it is not configured."""
        entry = self.connections.configured(connection)
        result = PassResult()

        def pull() -> None:
            result.runs += sync_connection(
                self.store,
                self.connections.source(connection),
                self.clock,
                streams=streams if streams is not None else entry.streams,
                scope=scope,
                zone=entry.zone,
                stop=self.stop,
                progress=progress,
                on_rejected=self.plugins.record_rejected,
                on_finished=self._run_finished,
                keyring=self._keyring(make=not scope.dry_run),
                keep=self._keep(connection),
            )

        self._guarded(result, "sync", connection, pull)
        return result

    def sync_all(
        self,
        connections: Collection[str] | None = None,
        *,
        streams: Collection[str] | None = None,
        scope: Scope = INCREMENTAL,
        progress: Progress | None = None,
    ) -> PassResult:
        """Pull these connections, or every enabled one, all at the same time."""
        if connections is None:
            connections = [entry.id for entry in self.config.connections if entry.enabled]
        result = PassResult()

        def pull(id: str) -> PassResult:
            return self.sync(id, streams=streams, scope=scope, progress=progress)

        if connections:
            with ThreadPoolExecutor(min(len(connections), 8), thread_name_prefix="sync") as pool:
                for one in pool.map(pull, connections):
                    result += one
        return result

    def unread_connections(self) -> set[str]:
        """The connections pulled regularly that have a stream which was never read to its end."""
        walked = walked_streams(self.store)
        return {
            entry.id
            for entry in self.config.connections
            if entry.enabled
            and entry.schedule.every is not None
            and any(
                (entry.id, stream) not in walked
                for stream in entry.streams or self.plugins.connectors[entry.connector].streams()
            )
        }

    def receive(self, connection: str, request: WebhookRequest) -> Verdict | None:
        """Judge an event of a connection's platform; None when no such connection takes any."""
        entry = self.config.connection(connection)
        if entry is None or not entry.enabled:
            return None
        connector = self.connections.connector(connection)
        webhook = connector.webhook()
        if webhook is None:
            return None
        offered = set(connector.offers()) & set(entry.streams or connector.offers())
        return receive(self.store, connection, webhook, offered, request, self.clock.now())

    def replay(
        self, *, connection: str | None = None, stream: str | None = None, ids: Sequence[int] | None = None
    ) -> Replayed:
        """Map quarantined records again. Raises UsageError when there are none of these."""
        wanted = sorted(
            (name, of)
            for name, of in quarantine_counts(self.store)
            if connection in (None, name) and stream in (None, of)
        )
        if not wanted:
            raise UsageError("Nothing of this is in quarantine.", fix="See: crmsync quarantine list.")
        stored, reasons = 0, Counter[str]()
        for name, of in wanted:
            source = self.connections.source(name)
            scope, keyring = source.connector.identity_scope(), self._keyring()
            target = Target(
                source.connection_id, scope, of, first=False, keyring=keyring, keep=self._keep(name)
            )
            done = replay(self.store, source.connector, target, self.clock.now(), ids)
            stored += done.stored
            reasons.update(done.reasons)
        return Replayed(stored, reasons.total(), dict(reasons))

    def insight(self) -> PassResult:
        """Bring the facts up to date with what sync changed."""
        result = PassResult()

        def refresh() -> None:
            counted = self.config.facts
            windows = Windows(counted.consult_window, counted.answer_window)
            result.facts = refresh_facts(self.store, self.clock.now(), windows)

        self._guarded(result, "insight", "", refresh)
        return result

    def rules(self, *, everything: bool = False) -> PassResult:
        """Let the rules judge what changed, or `everything`."""
        result = PassResult()
        changes: list[FlagChange] = []

        def keep(step: tuple[FlagChange, ...]) -> None:
            changes.extend(step)
            self.plugins.flags_changed(step)

        def judge() -> None:
            result.rules = judge_rules(
                self.store,
                self.parts.rules,
                self.clock.now(),
                changed_only=not everything,
                on_changes=keep,
            )
            # A rule that cannot be made now is still configured: its flags stay.
            retire_rules(self.store, self.config.rules, self.clock.now())
            result.failures += [
                Failure("rules", name, "rule", reason) for name, reason in result.rules.failed.items()
            ]

        self._guarded(result, "rules", "", judge)
        result.changes = tuple(changes)
        result.failures += self.parts.unusable("rules")
        return result

    def segments(self) -> PassResult:
        """Bring the segments up to date with facts and flags."""
        result = PassResult()

        def refresh() -> None:
            result.segments = refresh_segments(self.store, self.config.segments, self.clock.now())

        self._guarded(result, "segments", "", refresh)
        return result

    def care(self, at_most: int = 1_000) -> PassResult:
        """Open cases and plan messages for the flags that stand, and send what is due, up to `at_most`."""
        result = PassResult()
        config = self.config

        def make_plan() -> None:
            result.plan = plan(
                self.store,
                config.care,
                self.parts.carriers,
                config.limits,
                now=self.clock.now(),
                language=config.language,
                folder=config.folder,
                terms=self.terms,
                links=self.links,
            )
            result.failures += [
                Failure("care", name, "config", campaign.problem)
                for name, campaign in result.plan.campaigns.items()
                if campaign.problem
            ]

        def send() -> None:
            result.delivery = deliver(
                self.store,
                [*config.care, REPLIES],
                self.parts.carriers,
                config.limits,
                clock=self.clock,
                stop=self.stop,
                review=self.plugins.review_message,
                on_sent=self.plugins.message_sent,
                at_most=at_most,
                terms=self.terms,
                links=self.links,
                rates={entry.id: entry.pace for entry in config.channels if entry.pace is not None},
            )
            result.failures += [
                Failure("care", "/".join(lane), "channel", reason)
                for lane, reason in result.delivery.paused.items()
            ]

        def take(id: str, channel: Channel[Any]) -> None:
            take_bounces(self.store, id, channel, now=self.clock.now())

        def open_new_cases() -> None:
            result.cases = open_cases(self.store, config.cases, now=self.clock.now())

        self._guarded(result, "care", "cases", open_new_cases)
        self._guarded(result, "care", "plan", make_plan)
        if not self.stop.is_set():
            self._guarded(result, "care", "delivery", send)
        for id, channel in self.parts.channels.items():
            self._guarded(result, "care", id, partial(take, id, channel))
        result.failures += self.parts.unusable("care")
        return result

    def privacy(self, *, expire: bool = False) -> PassResult:
        """Finish the erasures that are not finished, and clean the database's files after them. `expire`:
        what was kept long enough goes first."""
        result = PassResult()

        def finish() -> None:
            finish_erasures(self.store, self.terms.keyring, self.clock.now())
            clean(self.store, self.clock.now())

        if expire:
            self._guarded(result, "privacy", "retention", lambda: self.expire() and None)
        self._guarded(result, "privacy", "erasure", finish)
        return result

    def expire(self, *, dry_run: bool = False) -> dict[str, int]:
        """Remove what was kept for as long as `retention` says; how many rows of each field."""
        counts = expire(
            self.store,
            self.config.retention,
            self.config.contact_retention,
            now=self.clock.now(),
            dry_run=dry_run,
        )
        if counts and not dry_run:
            log.info("kept long enough", extra={"action": "expired", "fields": counts})
        return counts

    def alerts(self) -> PassResult:
        """Tell the team what goes wrong, stands on, or is over."""
        result = PassResult()

        def tell() -> None:
            told = tell_team(self.store, self.config, self.parts.team, self.clock)
            result.failures += told.failures

        if self.config.alerts:
            self._guarded(result, "alerts", "", tell)
            result.failures += self.parts.unusable("alerts")
        return result

    def test_alert(self, channel: str) -> Receipt:
        """Post a test notice. Raises UsageError when no alert names the channel, and what `notify` raises."""
        found = self.parts.team.get(channel)
        if found is None:
            failed = next((f for f in self.parts.unusable("alerts") if f.part == channel), None)
            if failed is not None:
                raise ConfigError(failed.reason)
            named = [alert.channel for alert in self.config.alerts]
            raise UsageError(
                f"No alert names a channel {channel}.", fix=nearest(channel, named, "Add one under alerts.")
            )
        return found.notify(test_notice(self.config.language, self.clock.now()), secrets.token_hex(16))

    def preview_care(self, campaign: str | None = None, examples: int = 3) -> list[CampaignPreview]:
        """What planning now would do, or for one campaign; nothing is stored. Raises UsageError when the
        campaign is not configured."""
        terms = Terms.of(self.store, self.config.consent, make_key=False)
        return preview(
            self.store,
            self.config.care,
            self.parts.carriers,
            self.config.limits,
            now=self.clock.now(),
            language=self.config.language,
            folder=self.config.folder,
            only=campaign,
            examples=examples,
            terms=terms,
            links=Links(terms.keyring, self.config.consent.url),
        )

    def full_pass(self, *, progress: Progress | None = None) -> PassResult:
        """Once through the house: sync, insight, rules, segments, care; erasures are finished, and the team
        hears what went wrong."""
        result = self.sync_all(progress=progress)
        care = partial(self.care, at_most=sys.maxsize)
        for stage in (self.insight, self.rules, self.segments, care, self.privacy, self.alerts):
            if self.stop.is_set():
                break
            result += stage()
        result.stopped = self.stop.is_set()
        return result

    @cached_property
    def terms(self) -> Terms:
        """What counts as permission. Raises ConfigError when a key of the suppression list is missing."""
        return Terms.of(self.store, self.config.consent)

    @cached_property
    def links(self) -> Links:
        """What messages carry for unsubscribing, and what reads it."""
        return Links(self.terms.keyring, self.config.consent.url)

    def _keyring(self, *, make: bool = True) -> Keyring:
        # Made anew each time: the store may have got a key of its own since.
        return Keyring(self.store, self.config.consent.keys, make=make)

    def _keep(self, connection: str) -> Keep:
        kept = self.config.retention
        words = {"reviews": kept.review_text, "refunds": kept.refund_reason}
        spans = {stream: span for stream, span in words.items() if span is not None}
        return Keep(spans, self.config.contact_retention.get(connection))

    def _run_finished(self, run: RunResult) -> None:
        self.on_run(run)
        self.plugins.run_finished(run)

    def _guarded(self, result: PassResult, stage: StageName, part: str, work: Callable[[], None]) -> None:
        try:
            work()
        except FAULTS as error:
            result.failures.append(Failure.logged(stage, part, error))


def _require_schema(store: Store) -> None:
    state = schema.schema_state(store)
    if state == "empty":
        schema.upgrade(store)
    elif state == "other":
        raise MigrationNeeded(
            "The database has another schema than this version of crmsync.",
            fix="Make a backup with `crmsync db backup FILE`, then run `crmsync db upgrade`.",
        )
