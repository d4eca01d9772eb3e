"""The demo's tour, on a smaller shop."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.daemon.demo import new_folder, run_demo, tour
from crmsync.sdk import Told, UsageError


def test_everything_happens_and_the_shop_agrees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRMSYNC_DATABASE", "sqlite:////nowhere/near.db")
    monkeypatch.setattr(tour, "CUSTOMERS", 250)
    monkeypatch.setattr(tour, "WEEKS", 1)
    told: list[Told] = []
    result = run_demo(new_folder(tmp_path / "demo"), language="zh", tell=told.append)
    assert all(result.streams[stream] > 0 for stream in ("orders", "reviews", "customers"))
    assert result.messages["sent"] == result.messages_received > 0
    assert all(result.flags[rule] > 0 for rule in ("churn_risk", "complaint_rate", "vip"))
    assert {example.rule for example in result.examples} == set(result.flags)
    assert all(example.reasons and example.about for example in result.examples)
    assert set(result.truth) == set(result.flags)
    churn = result.truth["churn_risk"]
    assert churn.base is not None
    assert churn.precision is not None
    assert churn.precision > churn.base
    assert result.config.is_file()
    assert result.database.is_file()
    assert (tmp_path / "demo" / "shop-secret").stat().st_mode & 0o077 == 0
    assert told
    assert all(line.text("zh") for line in told)


def test_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_folder(None).name == "crmsync-demo"
    assert new_folder(None).name == "crmsync-demo-2"
    (tmp_path / "crmsync-demo" / "mine").touch()
    with pytest.raises(UsageError, match="not empty"):
        new_folder(tmp_path / "crmsync-demo")
