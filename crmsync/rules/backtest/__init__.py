"""A rule against what happened: fitted and judged at past times, compared with the time after."""

from crmsync.rules.backtest.chart import gains_chart
from crmsync.rules.backtest.measure import Calibration, Measured, Ranker
from crmsync.rules.backtest.record import KnownBacktest, last_backtests, store_backtest
from crmsync.rules.backtest.replay import Comparison, Replay, Window, replay

__all__ = [
    "Calibration",
    "Comparison",
    "KnownBacktest",
    "Measured",
    "Ranker",
    "Replay",
    "Window",
    "gains_chart",
    "last_backtests",
    "replay",
    "store_backtest",
]
