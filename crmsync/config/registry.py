"""What the configuration needs to know of the plugins; the plugin host is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from crmsync.sdk import Channel, Connector, Rule, TeamChannel


class PluginState(Protocol):
    """How one plugin fared."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Registry(Protocol):
    """The classes that loaded plugins offer, by name, and every plugin found."""

    @property
    def connectors(self) -> Mapping[str, type[Connector[Any]]]: ...
    @property
    def rules(self) -> Mapping[str, type[Rule[Any]]]: ...
    @property
    def channels(self) -> Mapping[str, type[Channel[Any] | TeamChannel[Any]]]: ...
    @property
    def plugins(self) -> Sequence[PluginState]: ...
