"""From the store's records to facts about customers, products, shops and agents."""

from crmsync.insight.load import facts_of, last_refresh, load_facts, past_facts
from crmsync.insight.profiling import REFUSING, refuses_profiling
from crmsync.insight.refresh import FactsResult, refresh_facts
from crmsync.insight.span import Span, history_span
from crmsync.insight.stale import message_sent
from crmsync.insight.windows import Windows

__all__ = [
    "REFUSING",
    "FactsResult",
    "Span",
    "Windows",
    "facts_of",
    "history_span",
    "last_refresh",
    "load_facts",
    "message_sent",
    "past_facts",
    "refresh_facts",
    "refuses_profiling",
]
