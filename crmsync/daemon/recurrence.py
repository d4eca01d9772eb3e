"""A fault that stays is logged when it comes and when it goes, not at every poll between."""

from __future__ import annotations

import logging
import threading

from crmsync.sdk import RunResult

log = logging.getLogger("crmsync.daemon")

_POLLED = frozenset({"run_failed", "check_failed", "stage_failed"})
_WHERE = ("action", "connection", "stream", "stage", "part")


class Recurrence(logging.Filter):
    """Lets the first record of a fault pass, and each that says something new.

    Add it to a handler, and tell `ran` of every run.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._standing: dict[tuple[str, ...], str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "action", None) not in _POLLED:
            return True
        where = tuple(str(getattr(record, name, "")) for name in _WHERE)
        told = getattr(record, "error_code", None) or record.getMessage()
        with self._lock:
            known = self._standing.get(where)
            self._standing[where] = told
        return known != told

    def ran(self, run: RunResult) -> None:
        """A run that went well ends the fault of its stream, and that of its connection's check."""
        if run.status != "ok":
            return
        with self._lock:
            recovered = self._standing.pop(("run_failed", run.connection, run.stream, "", ""), None)
            self._standing.pop(("check_failed", run.connection, "", "", ""), None)
        if recovered is not None:
            log.info(
                "%s/%s works again",
                run.connection,
                run.stream,
                extra={"action": "run_recovered", "connection": run.connection, "stream": run.stream},
            )

    def worked(self, stage: str, part: str) -> None:
        """A stage that went well ends its fault."""
        with self._lock:
            recovered = self._standing.pop(("stage_failed", "", "", stage, part), None)
        if recovered is not None:
            log.info(
                "%s works again",
                f"{stage} {part}".rstrip(),
                extra={"action": "stage_recovered", "stage": stage},
            )
