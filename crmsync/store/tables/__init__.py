"""The tables, one noun a class: they are the documentation of what is stored.

Rows are read and written with SQLAlchemy Core through `Store`; no hot path builds these objects.
"""

from crmsync.store.tables.alert import Alert
from crmsync.store.tables.audit import Audit
from crmsync.store.tables.backtest import Backtest
from crmsync.store.tables.base import EPOCH, Instant, from_instant, to_instant
from crmsync.store.tables.case import Case, CaseEvent, Knowledge
from crmsync.store.tables.connection import Connection, CursorRow, Run, Seen
from crmsync.store.tables.customer import Account, Consent, Customer, EncryptionKey, HashKey, Suppression
from crmsync.store.tables.erasure import Erasure, Tombstone
from crmsync.store.tables.fact import (
    AgentFact,
    CustomerFact,
    CustomerSpend,
    FactRefresh,
    ProductFact,
    ShopFact,
)
from crmsync.store.tables.flag import Flag, FlagEvent
from crmsync.store.tables.message import (
    Approval,
    Arm,
    Assignment,
    Delivery,
    DeliveryOutcome,
    Lane,
    Message,
    MessageState,
)
from crmsync.store.tables.model_fit import ModelFit, RuleState
from crmsync.store.tables.order import Order, OrderLine, Product, Refund
from crmsync.store.tables.quarantine import Quarantine
from crmsync.store.tables.quota import Quota, TokenRow
from crmsync.store.tables.review import Agent, Attendance, Conversation, Review
from crmsync.store.tables.segment import Segment, SegmentMember
from crmsync.store.tables.tally import (
    SUMS,
    AccountTally,
    EventTally,
    LineTally,
    OrderTally,
    PairTally,
    SumTally,
    TroubleTally,
    WeekTally,
)
from crmsync.store.tables.touched import Touched
from crmsync.store.tables.webhook import WebhookEvent

__all__ = [
    "EPOCH",
    "SUMS",
    "Account",
    "AccountTally",
    "Agent",
    "AgentFact",
    "Alert",
    "Approval",
    "Arm",
    "Assignment",
    "Attendance",
    "Audit",
    "Backtest",
    "Case",
    "CaseEvent",
    "Connection",
    "Consent",
    "Conversation",
    "CursorRow",
    "Customer",
    "CustomerFact",
    "CustomerSpend",
    "Delivery",
    "DeliveryOutcome",
    "EncryptionKey",
    "Erasure",
    "EventTally",
    "FactRefresh",
    "Flag",
    "FlagEvent",
    "HashKey",
    "Instant",
    "Knowledge",
    "Lane",
    "LineTally",
    "Message",
    "MessageState",
    "ModelFit",
    "Order",
    "OrderLine",
    "OrderTally",
    "PairTally",
    "Product",
    "ProductFact",
    "Quarantine",
    "Quota",
    "Refund",
    "Review",
    "RuleState",
    "Run",
    "Seen",
    "Segment",
    "SegmentMember",
    "ShopFact",
    "SumTally",
    "Suppression",
    "TokenRow",
    "Tombstone",
    "Touched",
    "TroubleTally",
    "WebhookEvent",
    "WeekTally",
    "from_instant",
    "to_instant",
]
