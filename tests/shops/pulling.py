"""A connection to a shop as the host holds it: pulled into a store, and asked what is there."""

from __future__ import annotations

from typing import Any

from crmsync.plugins import load_plugins
from crmsync.sdk import RunResult, SystemClock
from crmsync.store import Store
from crmsync.sync.connection import open_source
from crmsync.sync.stream import StreamRun


class Pulling:
    """A shop's connection, named after its connector."""

    def __init__(self, store: Store, connector: str, settings: dict[str, Any]) -> None:
        self.store = store
        self.name = connector
        self.kind = load_plugins().connectors[connector]
        self.given = settings

    def connector(self, **settings: Any) -> Any:
        """The connector, opened anew with these settings changed."""
        return self._open(settings).connector

    def pull(self, stream: str, **settings: Any) -> RunResult:
        """One run of a stream; nothing is left touched by what came before it."""
        with self.store.write() as connection:
            connection.exec_driver_sql("DELETE FROM touched")
        result = StreamRun(self.store, self._open(settings), stream, SystemClock()).run()
        assert result.status == "ok", result.reason
        assert result.rejected == 0
        return result

    def row(self, table: str, id: str, *columns: str) -> Any:
        """These columns of a stored record; one alone as it is."""
        [found] = self.rows(f"SELECT {', '.join(columns)} FROM \"{table}\" WHERE external_id = '{id}'")
        return found if len(columns) > 1 else found[0]

    def rows(self, sql: str) -> list[Any]:
        with self.store.read() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def touched(self) -> list[Any]:
        """Whose facts the last pull made stale."""
        return self.rows("SELECT kind, external_id FROM touched")

    def _open(self, settings: dict[str, Any]) -> Any:
        model = self.kind.Settings.model_validate({**self.given, **settings})
        return open_source(self.store, self.name, self.kind, model, SystemClock())
