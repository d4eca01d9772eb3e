"""A configured rule put to the test on the shop's own past."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmsync.daemon.app import App
from crmsync.rules.backtest import Replay, replay, store_backtest
from crmsync.rules.models import settings_digest
from crmsync.sdk import ConfigError, UsageError


def backtest(
    app: App,
    name: str,
    *,
    as_of: datetime,
    horizon: timedelta | None = None,
    every: timedelta | None = None,
) -> Replay:
    """Backtest one rule by its name in the configuration, and keep what came of it.

    Raises UsageError when there is no such rule, ConfigError when it cannot be made, and what
    `replay` raises.
    """
    if name not in app.config.rules:
        raise UsageError(f"There is no rule {name}.", fix=f"Rules here: {', '.join(app.config.rules)}.")
    if name not in app.parts.rules:
        why = next(failure.reason for failure in app.parts.unusable("rules") if failure.part == name)
        raise ConfigError(f"Rule {name} cannot be made: {why}")
    rule, now = app.parts.rules[name], app.clock.now()
    made = replay(app.store, name, rule, as_of=as_of, now=now, horizon=horizon, every=every)
    store_backtest(app.store, made, settings_digest(rule), now)
    return made
