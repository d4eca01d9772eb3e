"""Whether others have written: what was read before is then no longer known to be so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from crmsync.store.database import TURN

_SNAPSHOT = "SELECT CAST(pg_current_snapshot() AS text), CAST(CAST(pg_current_xact_id() AS text) AS bigint)"


class Watch:
    """Asked in one writing transaction after another, it tells of each whether nobody else committed anything
    since the one before had asked. What this process itself writes in between counts as others'."""

    def __init__(self) -> None:
        self._expected: Any = None

    def quiet(self, transaction: Connection) -> bool:
        """False whenever it is not certain. What is read in this transaction from now on is covered by the
        next answer."""
        if transaction.dialect.name == "sqlite":
            found, expected = _sqlite(transaction)
        else:
            found, expected = _postgresql(transaction)
        quiet = found == self._expected
        self._expected = expected
        return quiet


def _sqlite(transaction: Connection) -> tuple[Any, Any]:
    """The connection, what others have committed and what it has itself, and which of it will have been
    ours. It is held on to here: the next one might get its id."""
    driver: Any = transaction.connection.driver_connection
    # Only what other connections commit changes it: another thread may have had this one in between.
    version = driver.execute("PRAGMA data_version").fetchone()[0]
    turn = transaction.info[TURN]
    return (driver, version, turn), (driver, version, turn + 1)


def _postgresql(transaction: Connection) -> tuple[Any, Any]:
    """Which transactions had ended, and which will have if only this one ends.

    Numbers are given in order, so that whatever has one between the next to come and our own is under way.
    One that ends after the snapshot but before our number is given looks as if it were, too: the next
    answer is no, for nothing.
    """
    driver: Any = transaction.connection.driver_connection
    snapshot, own = driver.execute(_SNAPSHOT, prepare=True).fetchone()
    _, coming, running = snapshot.split(":")
    under_way = frozenset(map(int, filter(None, running.split(","))))
    return (int(coming), under_way), (own + 1, under_way | frozenset(range(int(coming), own)))
