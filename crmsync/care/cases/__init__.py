"""Complaints as cases: opened by flags or by hand, taken through five stages, followed up."""

from crmsync.care.cases.handling import advance, assign, learn, note, open_case
from crmsync.care.cases.listing import CaseCard, Fault, ListedCase, list_cases, recurring_faults, show_case
from crmsync.care.cases.opening import OpenedCases, open_cases
from crmsync.care.cases.reply import REPLIES, REPLY, Reply, reply
from crmsync.care.cases.stage import CHECKLISTS, STAGES, Stage, Step

__all__ = [
    "CHECKLISTS",
    "REPLIES",
    "REPLY",
    "STAGES",
    "CaseCard",
    "Fault",
    "ListedCase",
    "OpenedCases",
    "Reply",
    "Stage",
    "Step",
    "advance",
    "assign",
    "learn",
    "list_cases",
    "note",
    "open_case",
    "open_cases",
    "recurring_faults",
    "reply",
    "show_case",
]
