"""Whether the daemon is alive, and whether it can do its work."""

from __future__ import annotations

import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from crmsync.daemon.jobs import BEAT
from crmsync.daemon.notify import notify
from crmsync.store import Store, schema


class Health:
    """The heart beats with the scheduler. A platform that is down does not make the daemon unready."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._beat = time.monotonic()
        self.leads = False

    def beat(self) -> None:
        """The scheduler runs its jobs."""
        self._beat = time.monotonic()
        notify("WATCHDOG=1")

    @property
    def alive(self) -> bool:
        return time.monotonic() - self._beat < 3 * BEAT.total_seconds()

    def readiness(self) -> dict[str, bool]:
        """What the daemon needs, and whether it has it."""
        return {
            "database_writable": self._writable(),
            "schema_current": self._schema_current(),
            "leader": self.leads,
        }

    def _writable(self) -> bool:
        try:
            with self._store.write() as connection:
                if self._store.dialect == "postgresql":
                    return connection.execute(text("SHOW transaction_read_only")).scalar() == "off"
        except SQLAlchemyError:
            return False
        return True

    def _schema_current(self) -> bool:
        try:
            return schema.schema_state(self._store) == "current"
        except SQLAlchemyError:
            return False
