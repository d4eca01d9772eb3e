"""What a pass, or a part of one, brought about."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from crmsync.sdk import AuthError, CrmsyncError, FlagChange, PermanentError, RateLimited, RunResult
from crmsync.sdk import TransientError as Transient

if TYPE_CHECKING:
    from crmsync.care import DeliveryResult, PlanResult
    from crmsync.care.cases import OpenedCases
    from crmsync.insight import FactsResult
    from crmsync.rules import RulesResult
    from crmsync.segments import SegmentResult

log = logging.getLogger("crmsync.daemon")

FAULTS = (Exception, SystemExit)
"""What a plugin can throw at us."""

StageName = Literal["sync", "insight", "rules", "segments", "care", "privacy", "alerts"]

OK, PARTIAL, STOPPED = 0, 4, 130
_EXIT_CODES = {cls.code: cls.exit_code for cls in (AuthError, RateLimited, Transient, PermanentError)}


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of a stage that did not work: a connection, a rule, a campaign, a channel, or all of it (``)."""

    stage: StageName
    part: str
    code: str
    reason: str

    @classmethod
    def of(cls, stage: StageName, part: str, error: BaseException) -> Failure:
        """What our own errors say is written for people; of another's only its kind is told."""
        if isinstance(error, CrmsyncError):
            return cls(stage, part, error.code, str(error))
        return cls(
            stage, part, "bug", f"{type(error).__name__}: a fault in the code; the log has the traceback."
        )

    @classmethod
    def logged(cls, stage: StageName, part: str, error: BaseException) -> Failure:
        """The failure, told in the log too."""
        failure = cls.of(stage, part, error)
        log.error(
            "%s: %s",
            f"{stage} {part}".rstrip(),
            failure.reason,
            extra={"action": "stage_failed", "stage": stage, "part": part, "error_code": failure.code},
            exc_info=None if isinstance(error, CrmsyncError) else error,
        )
        return failure


@dataclass(slots=True)
class PassResult:
    """What the stages did. A stage that was not part of the pass has left its fields empty."""

    runs: list[RunResult] = field(default_factory=list)
    facts: FactsResult | None = None
    rules: RulesResult | None = None
    changes: tuple[FlagChange, ...] = ()
    segments: Mapping[str, SegmentResult] = field(default_factory=dict)
    cases: OpenedCases | None = None
    plan: PlanResult | None = None
    delivery: DeliveryResult | None = None
    failures: list[Failure] = field(default_factory=list)
    stopped: bool = False

    def __iadd__(self, other: PassResult) -> PassResult:
        self.runs += other.runs
        self.facts = other.facts or self.facts
        self.rules = other.rules or self.rules
        self.changes += other.changes
        self.segments = other.segments or self.segments
        self.cases = other.cases or self.cases
        self.plan = other.plan or self.plan
        self.delivery = other.delivery or self.delivery
        self.failures += other.failures
        self.stopped = self.stopped or other.stopped
        return self

    @property
    def wrote(self) -> bool:
        """Whether sync changed anything that later stages should look at."""
        return any(run.inserted or run.updated or run.deleted for run in self.runs)

    @property
    def exit_code(self) -> int:
        """0 when all went well; the code of the one thing that went wrong when nothing went well; else 4."""
        if self.stopped or any(run.status == "stopped" for run in self.runs):
            return STOPPED
        codes = [run.code for run in self.runs if run.status != "ok"]
        codes += [failure.code for failure in self.failures]
        if not codes:
            return OK
        nothing_worked = not any(run.status in ("ok", "partial") for run in self.runs)
        same = set(codes)
        return _EXIT_CODES.get(same.pop(), PARTIAL) if nothing_worked and len(same) == 1 else PARTIAL
