"""What a person sees of a run while it lasts."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from rich.console import Console

from crmsync.cli import progress
from crmsync.sdk import RunResult, Wait

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)


@dataclass
class Counts:
    pulled: int


def show(*, terminal: bool, finish: bool = False) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120, no_color=True)
    with progress.watching(console) as seen:
        seen.started("shop", "orders")
        seen.page("shop", "orders", Counts(250), 1000)  # type: ignore[arg-type]
        if not finish:
            seen.waiting("shop", Wait(NOW, "429 from the platform"))
        else:
            seen.finished(RunResult(1, "shop", "orders", "ok", "", NOW, NOW, pulled=250, inserted=200))
    return text.getvalue()


def test_bars_tell_the_rate_and_the_wait() -> None:
    shown = show(terminal=True)
    assert "shop/orders" in shown
    assert f"waiting until {NOW.astimezone():%H:%M:%S}, 429 from the platform" in shown
    assert "200 new" in show(terminal=True, finish=True)


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "of 1,000 records" not in show(terminal=False)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    shown = show(terminal=False)
    assert "shop/orders: 250 of 1,000 records" in shown
    assert f"shop: waiting until {NOW.astimezone():%H:%M:%S}, 429 from the platform" in shown
    assert "shop/orders: ok, 200 new" in show(terminal=False, finish=True)
