"""Recorded answers stand in for the platform."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from crmsync.testing.conformance import RecordedPlatform, Request, try_all


def recorded(good: ModuleType, folder: Path) -> type[RecordedPlatform]:
    """A recording of what the fake answers to one walk of each stream."""
    fake = good.GoodOnePlatform()
    exchanges: list[dict[str, Any]] = []
    asked: list[tuple[str, dict[str, str]]] = [("/shop", {})]
    asked += [(f"/{s}", q) for s in fake.tables for q in ({}, *_after(fake.tables[s]))]
    for path, query in asked:
        request = Request("GET", path, {"limit": "4", **query}, {"x-api-key": good.KEY}, b"")
        body = json.loads(fake.answer(request).body)
        exchanges.append({"request": {"path": path, "query": query}, "response": {"body": body}})
    (folder / "walks.json").write_text(json.dumps(exchanges), "utf-8")

    class Recorded(RecordedPlatform):
        connector = good.GoodOnePlatform.connector
        page_size = 4

        def settings(self) -> dict[str, Any]:
            return dict(fake.settings())

    Recorded.folder = folder
    return Recorded


def _after(table: Any) -> list[dict[str, str]]:
    return [{"after": table.rows[n]["id"]} for n in range(3, len(table), 4)]


def test_a_recording_is_green_or_says_what_it_cannot_do(good: ModuleType, tmp_path: Path) -> None:
    outcomes = {outcome.check: outcome for outcome in try_all(recorded(good, tmp_path))}
    assert [outcome for outcome in outcomes.values() if outcome.status == "red"] == []
    assert outcomes["resume"].status == "green"
    assert outcomes["malformed_alone"].status == "green"
    assert outcomes["ties"].status == "skipped"
    assert "override tie()" in outcomes["ties"].reason


def test_what_was_not_recorded_is_a_404_that_says_so(good: ModuleType, tmp_path: Path) -> None:
    with recorded(good, tmp_path)() as platform:
        answer = platform.answer(Request("GET", "/refunds", {}, {}, b""))
    assert answer.status == 404
    assert b"nothing recorded for GET /refunds" in answer.body


def test_an_empty_folder_is_no_recording(good: ModuleType, tmp_path: Path) -> None:
    platform = recorded(good, tmp_path)
    (tmp_path / "walks.json").unlink()
    with pytest.raises(FileNotFoundError, match="no recorded answers"), platform():
        pass
