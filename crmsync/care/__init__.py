"""Care: flags become messages, messages become deliveries, and nobody is written to twice."""

from crmsync.care.bounce import take_bounces
from crmsync.care.breaker import BrokenLane, broken_lanes, reset_lane
from crmsync.care.consent import Statement, statements, withdraw_consent
from crmsync.care.decision import Resolution, approve, cancel, resolve
from crmsync.care.delivery import DeliveryResult, deliver
from crmsync.care.link import ConfirmRequest, Links
from crmsync.care.listing import (
    Attempt,
    Contact,
    Ledger,
    ListedMessage,
    attempts,
    ledger,
    ledger_faults,
    list_messages,
)
from crmsync.care.outbox import Recovered, recover
from crmsync.care.permission import Terms
from crmsync.care.planner import CampaignPlan, PlanResult, plan
from crmsync.care.preview import CampaignPreview, Previewed, preview
from crmsync.care.profiling import set_profiling
from crmsync.care.report import CampaignReport, CareReport, Comparison, report
from crmsync.care.suppression import suppress, suppress_person, unsuppress
from crmsync.care.template import (
    ListedTemplate,
    check_template,
    check_templates,
    list_templates,
    preview_template,
)
from crmsync.care.text import Rendered
from crmsync.care.unsubscribe import Unsubscribed, confirm, unsubscribe, unsubscribe_by_reply

__all__ = [
    "Attempt",
    "BrokenLane",
    "CampaignPlan",
    "CampaignPreview",
    "CampaignReport",
    "CareReport",
    "Comparison",
    "ConfirmRequest",
    "Contact",
    "DeliveryResult",
    "Ledger",
    "Links",
    "ListedMessage",
    "ListedTemplate",
    "PlanResult",
    "Previewed",
    "Recovered",
    "Rendered",
    "Resolution",
    "Statement",
    "Terms",
    "Unsubscribed",
    "approve",
    "attempts",
    "broken_lanes",
    "cancel",
    "check_template",
    "check_templates",
    "confirm",
    "deliver",
    "ledger",
    "ledger_faults",
    "list_messages",
    "list_templates",
    "plan",
    "preview",
    "preview_template",
    "recover",
    "report",
    "reset_lane",
    "resolve",
    "set_profiling",
    "statements",
    "suppress",
    "suppress_person",
    "take_bounces",
    "unsubscribe",
    "unsubscribe_by_reply",
    "unsuppress",
    "withdraw_consent",
]
