"""A fault that stays is logged when it comes and when it goes, not at every poll between."""

from __future__ import annotations

import logging
import threading

from crmsync.sdk import RunResult

log = logging.getLogger("crmsync.daemon")

_FAULTS = frozenset({"run_failed", "check_failed", "stage_failed", "channel_unavailable", "channel_paused"})
_ROUTINE = frozenset({"rule_judged", "campaign_planned", "rules_wait"})
_WHERE = ("action", "connection", "stream", "stage", "part", "rule", "campaign", "channel")
_USUAL = frozenset(logging.makeLogRecord({}).__dict__)

Place = tuple[str, ...]


class Recurrence(logging.Filter):
    """Lets the first record of a fault or a routine pass, and each that says something new.

    While a connection fails, its tries are not told one by one. Add it to a handler, and tell it of
    what went well.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._told: dict[Place, str] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        action = getattr(record, "action", None)
        if action == "http_retry":
            return not self._fails(str(getattr(record, "connection", "")))
        if action in _FAULTS:
            told = getattr(record, "error_code", None) or record.getMessage()
        elif action in _ROUTINE:
            told = repr({key: value for key, value in vars(record).items() if key not in _USUAL})
        else:
            return True
        place = tuple(str(getattr(record, name, "")) for name in _WHERE)
        with self._lock:
            known = self._told.get(place)
            self._told[place] = told
        return known != told

    def _fails(self, connection: str) -> bool:
        with self._lock:
            return any(place[:2] == ("run_failed", connection) for place in self._told)

    def ran(self, run: RunResult) -> None:
        """A run that went well ends the fault of its stream, and that of its connection's check."""
        if run.status != "ok":
            return
        with self._lock:
            recovered = self._told.pop(
                _place("run_failed", connection=run.connection, stream=run.stream), None
            )
            self._told.pop(_place("check_failed", connection=run.connection), None)
        if recovered is not None:
            log.info(
                "%s/%s works again",
                run.connection,
                run.stream,
                extra={"action": "run_recovered", "connection": run.connection, "stream": run.stream},
            )

    def worked(self, stage: str, part: str = "") -> None:
        """A stage that went well, for this part or as a whole, ends its faults."""
        at, of = _WHERE.index("stage"), _WHERE.index("part")
        with self._lock:
            recovered = [
                place
                for place in self._told
                if place[0] == "stage_failed" and place[at] == stage and part in ("", place[of])
            ]
            for place in recovered:
                del self._told[place]
            if stage == "care":
                for place in [place for place in self._told if place[0].startswith("channel_")]:
                    del self._told[place]
        for place in recovered:
            log.info(
                "%s works again",
                f"{stage} {place[of]}".rstrip(),
                extra={"action": "stage_recovered", "stage": stage, "part": place[of]},
            )


def _place(action: str, **where: str) -> Place:
    return tuple({"action": action, **where}.get(name, "") for name in _WHERE)
