"""The conformance kit: what every connector must do, as checks that tell its author what to mend."""

from crmsync.testing.conformance.bench import Bench
from crmsync.testing.conformance.check import CHECKS, Check, NotApplicable, Outcome, Unmet
from crmsync.testing.conformance.platform import OrderTruth, Platform
from crmsync.testing.conformance.quality import QUALITY_RULES, quality_of
from crmsync.testing.conformance.recorded import RecordedPlatform
from crmsync.testing.conformance.shop import EVENT_SECRET, ShopPlatform
from crmsync.testing.conformance.suite import ConnectorConformance, try_all
from crmsync.testing.conformance.table import MemoryTable, answered
from crmsync.testing.event import standard_event
from crmsync.testing.server import Answer, Request

__all__ = [
    "CHECKS",
    "EVENT_SECRET",
    "QUALITY_RULES",
    "Answer",
    "Bench",
    "Check",
    "ConnectorConformance",
    "MemoryTable",
    "NotApplicable",
    "OrderTruth",
    "Outcome",
    "Platform",
    "RecordedPlatform",
    "Request",
    "ShopPlatform",
    "Unmet",
    "answered",
    "quality_of",
    "standard_event",
    "try_all",
]
