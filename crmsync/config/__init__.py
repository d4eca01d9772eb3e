"""One YAML file, read into typed settings; every fault named with its place and remedy."""

from crmsync.config.model import (
    Campaign,
    ChannelConfig,
    Config,
    ConnectionConfig,
    DaemonConfig,
    Limits,
    RuleConfig,
)
from crmsync.config.problem import InvalidConfig, Problem
from crmsync.config.quiet_hours import QuietHours
from crmsync.config.schedule import Schedule

__all__ = [
    "Campaign",
    "ChannelConfig",
    "Config",
    "ConnectionConfig",
    "DaemonConfig",
    "InvalidConfig",
    "Limits",
    "Problem",
    "QuietHours",
    "RuleConfig",
    "Schedule",
]
