"""A process that is killed while it delivers: a few kills of `benchmarks/crash_delivery.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).parent.parent.parent / "benchmarks" / "crash_delivery.py"


def killed(kind: str, *options: str, kills: int = 5) -> dict[str, Any]:
    command = [sys.executable, str(BENCHMARK), "--json", "--kills", str(kills), "--databases", "sqlite"]
    done = subprocess.run(
        [*command, "--channels", kind, *options], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)[f"sqlite_{kind}"]
    assert figures["kills"] == kills
    assert figures["ledger_exact"]
    assert figures["sent_but_not_received"] == 0
    assert figures["received_but_neither_sent_nor_unknown"] == 0
    return figures


@pytest.mark.parametrize("kind", ["key", "lookup"])
def test_where_a_key_or_a_lookup_tells_nothing_is_lost_or_doubled(kind: str) -> None:
    figures = killed(kind)
    assert (figures["doubled"], figures["unknown"]) == (0, 0)
    assert figures["received"] == figures["created"]


def test_where_nobody_can_tell_it_is_left_unknown() -> None:
    figures = killed("none")
    assert figures["doubled"] == 0
    assert figures["unknown"] >= 1


def test_sending_what_is_unknown_again_would_be_noticed() -> None:
    assert killed("none", "--careless", kills=10)["doubled"] >= 1
