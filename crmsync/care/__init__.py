"""Care: flags become messages, messages become deliveries, and nobody is written to twice."""

from crmsync.care.decision import Resolution, approve, cancel, resolve
from crmsync.care.delivery import DeliveryResult, deliver
from crmsync.care.listing import Attempt, Contact, Ledger, ListedMessage, attempts, ledger, list_messages
from crmsync.care.outbox import Recovered, recover
from crmsync.care.permission import suppress, withdraw_consent
from crmsync.care.planner import CampaignPlan, PlanResult, plan
from crmsync.care.preview import CampaignPreview, Previewed, preview
from crmsync.care.template import (
    ListedTemplate,
    check_template,
    check_templates,
    list_templates,
    preview_template,
)
from crmsync.care.text import Rendered

__all__ = [
    "Attempt",
    "CampaignPlan",
    "CampaignPreview",
    "Contact",
    "DeliveryResult",
    "Ledger",
    "ListedMessage",
    "ListedTemplate",
    "PlanResult",
    "Previewed",
    "Recovered",
    "Rendered",
    "Resolution",
    "approve",
    "attempts",
    "cancel",
    "check_template",
    "check_templates",
    "deliver",
    "ledger",
    "list_messages",
    "list_templates",
    "plan",
    "preview",
    "preview_template",
    "recover",
    "resolve",
    "suppress",
    "withdraw_consent",
]
