"""The rules and channels that a configuration names, made into objects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import cached_property
from typing import Any, TypeVar

from crmsync.care.push import PushChannel, push_channels
from crmsync.config import ChannelConfig, Config
from crmsync.daemon.connections import Connections
from crmsync.daemon.outcome import FAULTS, Failure, StageName, log
from crmsync.plugins import PluginHost
from crmsync.sdk import Channel, ChannelContext, Clock, Rule, TeamChannel
from crmsync.store import Store
from crmsync.sync.connection import open_context
from crmsync.sync.stream import Waits

T = TypeVar("T")


class Parts:
    """Each is made when it is first asked for; one that cannot be made is left out, and in `unusable`."""

    def __init__(
        self,
        config: Config,
        plugins: PluginHost,
        store: Store,
        clock: Clock,
        stop: threading.Event,
        connections: Connections,
    ) -> None:
        self._config = config
        self._plugins = plugins
        self._store = store
        self._clock = clock
        self._stop = stop
        self._connections = connections
        self._unusable: list[Failure] = []

    @cached_property
    def rules(self) -> dict[str, Rule[Any]]:
        """The rules by their names in the configuration."""
        offered = self._plugins.rules
        return self._made(
            "rules",
            (
                (name, lambda entry=entry: offered[entry.rule](entry.settings))
                for name, entry in self._config.rules.items()
            ),
        )

    @cached_property
    def channels(self) -> dict[str, Channel[Any]]:
        """The channels to customers, by their ids."""
        return self._made(
            "care",
            (
                (entry.id, lambda entry=entry: self._channel(entry))
                for entry in self._config.channels
                if issubclass(self._plugins.channels[entry.channel], Channel)
            ),
        )

    @cached_property
    def carriers(self) -> dict[str, Channel[Any]]:
        """The channels to customers, and what their platforms do for campaigns beside messages."""
        return {**self.channels, **self.pushes}

    @cached_property
    def pushes(self) -> dict[str, PushChannel]:
        """What the customers' own platforms do beside messages, by the ids of the channels."""
        return push_channels(self._context("channel:push"))

    @cached_property
    def team(self) -> dict[str, TeamChannel[Any]]:
        """The channels to the team that alerts name, by their ids."""
        named = {alert.channel for alert in self._config.alerts}
        return self._made(
            "alerts",
            (
                (entry.id, lambda entry=entry: self._channel(entry))
                for entry in self._config.channels
                if entry.id in named
            ),
        )

    def unusable(self, stage: StageName) -> list[Failure]:
        """The rules or channels that could not be made."""
        return [failure for failure in self._unusable if failure.stage == stage]

    def close(self) -> None:
        """Close the channels that were made."""
        made = [*self.__dict__.get("channels", {}).items(), *self.__dict__.get("team", {}).items()]
        for id, channel in made:
            try:
                channel.close()
            except FAULTS:
                log.exception(
                    "Channel %s failed to close.", id, extra={"action": "channel_close_failed", "channel": id}
                )

    def _made(self, stage: StageName, parts: Iterable[tuple[str, Callable[[], T]]]) -> dict[str, T]:
        made = {}
        for name, make in parts:
            try:
                made[name] = make()
            except FAULTS as error:
                self._unusable.append(Failure.logged(stage, name, error))
        return made

    def _channel(self, entry: ChannelConfig) -> Any:
        return self._plugins.channels[entry.channel](entry.settings, self._context(f"channel:{entry.id}"))

    def _context(self, name: str) -> ChannelContext:
        # A name that no connection can have: their quotas and tokens stand in the same tables.
        context = open_context(self._store, name, self._clock, Waits(), self._stop)
        shared = {field.name: getattr(context, field.name) for field in fields(context)}
        return ChannelContext(**shared, connector=self._connections.connector)
