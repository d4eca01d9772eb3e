"""From facts to flags: raised, kept, changed and cleared, with reasons and history."""

from crmsync.rules.flags import after
from crmsync.rules.history import Explanation, StandingFlag, Step, explain, flag_counts, standing_flags
from crmsync.rules.judge import RuleResult, RulesResult, judge_rules, retire_rules
from crmsync.rules.models import KnownFit, last_fits
from crmsync.rules.verdict import Verdict, verdicts

__all__ = [
    "Explanation",
    "KnownFit",
    "RuleResult",
    "RulesResult",
    "StandingFlag",
    "Step",
    "Verdict",
    "after",
    "explain",
    "flag_counts",
    "judge_rules",
    "last_fits",
    "retire_rules",
    "standing_flags",
    "verdicts",
]
