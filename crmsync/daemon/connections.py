"""The connections of a configuration, each opened when it is first needed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from crmsync.config import Config, ConnectionConfig
from crmsync.config.problem import nearest
from crmsync.sdk import Clock, Connector, UsageError
from crmsync.sync.connection import open_source

if TYPE_CHECKING:
    from crmsync.plugins import PluginHost
    from crmsync.store import Store
    from crmsync.sync.stream import Source


class Connections:
    """A connection is opened twice: once to pull from, and once to push to.

    Pulling and pushing happen at the same time, and a connector is made for one thread. Quotas and
    tokens are shared all the same: they are rows of the store.
    """

    def __init__(
        self, config: Config, plugins: PluginHost, store: Store, clock: Clock, stop: threading.Event
    ) -> None:
        self._config = config
        self._plugins = plugins
        self._store = store
        self._clock = clock
        self._stop = stop
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Source] = {}

    def configured(self, id: str) -> ConnectionConfig:
        """Its entry in the configuration. Raises UsageError when there is none."""
        entry = self._config.connection(id)
        if entry is None:
            known = [connection.id for connection in self._config.connections]
            raise UsageError(
                f"No connection has the id {id}.", fix=nearest(id, known, "Add one under connections.")
            )
        return entry

    def check_streams(self, id: str, streams: Iterable[str]) -> None:
        """Raises UsageError unless the connection's connector has all these streams."""
        connector = self._plugins.connectors[self.configured(id).connector]
        for stream in streams:
            if stream not in connector.streams():
                raise UsageError(
                    f"{id} has no stream called {stream}.", fix=nearest(stream, connector.streams())
                )

    def source(self, id: str) -> Source:
        """The connection, to pull from. Raises UsageError, or whatever the connector raises."""
        return self._opened("pull", id)

    def connector(self, id: str) -> Connector[Any]:
        """The connection's connector, to push to. Raises as `source` does."""
        return self._opened("push", id).connector

    def close(self) -> None:
        """Close the sessions of all that was opened."""
        with self._lock:
            for source in self._open.values():
                if "http" in vars(source.connector):
                    source.connector.http.close()
            self._open.clear()

    def _opened(self, use: str, id: str) -> Source:
        entry = self.configured(id)
        with self._lock:
            if (use, id) not in self._open:
                self._open[use, id] = open_source(
                    self._store,
                    id,
                    self._plugins.connectors[entry.connector],
                    entry.settings,
                    self._clock,
                    zone=entry.zone,
                    stop=self._stop,
                )
            return self._open[use, id]
