"""One YAML file, read into typed settings; every fault named with its place and remedy."""

from crmsync.config.alert import AlertConfig
from crmsync.config.builder import CHANNEL_KEYS, CONNECTION_KEYS, RULE_KEYS, build_config
from crmsync.config.campaign import Campaign
from crmsync.config.cases import Cases, Stage
from crmsync.config.consent import ConsentConfig
from crmsync.config.document import Document, read_document
from crmsync.config.holiday import Holiday
from crmsync.config.loader import find_config, load_config
from crmsync.config.model import (
    ChannelConfig,
    Config,
    ConnectionConfig,
    DaemonConfig,
    Limits,
    RuleConfig,
)
from crmsync.config.problem import InvalidConfig, Problem
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.registry import Registry
from crmsync.config.retention import Retention
from crmsync.config.schedule import Schedule
from crmsync.config.schema import config_schema
from crmsync.config.trigger import Trigger

__all__ = [
    "CHANNEL_KEYS",
    "CONNECTION_KEYS",
    "RULE_KEYS",
    "AlertConfig",
    "Campaign",
    "Cases",
    "ChannelConfig",
    "Config",
    "ConnectionConfig",
    "ConsentConfig",
    "DaemonConfig",
    "Document",
    "Holiday",
    "InvalidConfig",
    "Limits",
    "Problem",
    "QuietHours",
    "Registry",
    "Retention",
    "RuleConfig",
    "Schedule",
    "Stage",
    "Trigger",
    "build_config",
    "config_schema",
    "find_config",
    "load_config",
    "read_document",
]
