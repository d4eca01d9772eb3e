"""What event hooks receive: frozen, so that one plugin cannot change what the next one sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

RunStatus = Literal["running", "ok", "partial", "failed", "stopped"]
Change = Literal["raised", "kept", "changed", "cleared"]


@dataclass(frozen=True, slots=True)
class RunResult:
    """How one sync run of one stream ended. Counts are records; `reason` is empty when all went well.

    `code` is that of the error that ended it, `bug` for a fault in the code, empty for none.
    """

    id: int
    connection: str
    stream: str
    status: RunStatus
    reason: str
    started_at: datetime
    ended_at: datetime
    pulled: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0
    waited_seconds: float = 0.0
    code: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record in quarantine: why, never what (its payload may hold contact data)."""

    connection: str
    stream: str
    external_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class FlagChange:
    """One step in a flag's history. `state` is the rule's own word for where the subject stands."""

    rule: str
    subject: str
    subject_id: str
    change: Change
    level: str
    score: float
    at: datetime
    state: str | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A confirmed delivery."""

    id: int
    campaign: str
    channel: str
    connection: str
    reference: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Veto:
    """Holds a message, with the reason a person will read."""

    reason: str
