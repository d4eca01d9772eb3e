"""`crmsync alerts`: the team is reached, and told of what the last pass left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ALERTS = """\
channels:
  - {id: team, channel: file, path: team.jsonl}
alerts:
  - {channel: team, on: [approval_waiting, message_unknown]}
"""


def notices(folder: Path) -> list[dict[str, Any]]:
    file = folder / "team.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_pass_tells_the_team_once(crmsync: Any, folder: Path) -> None:
    assert crmsync("alerts", "list", "--json").data["alerts"] == []
    with (folder / "crmsync.yaml").open("a") as file:
        file.write(ALERTS)
    assert crmsync("alerts", "test", "team").code == 0
    assert [notice["state"] for notice in notices(folder)] == ["test"]
    assert crmsync("run", "--once").code == 0
    assert [(n["alert"], n["state"]) for n in notices(folder)[1:]] == [("approval_waiting", "raised")]
    standing = crmsync("alerts", "list", "--json").data["alerts"]
    assert {alert["subject"] for alert in standing} == {"thanks"}
    assert all(alert["told_at"] for alert in standing)
    assert "team" in crmsync("alerts", "list").out
    assert crmsync("messages", "approve", "--campaign", "thanks").code == 0
    assert crmsync("run", "--once").code == 0
    assert [(n["alert"], n["state"]) for n in notices(folder)[2:]] == [("approval_waiting", "recovered")]
    assert crmsync("run", "--once").code == 0
    assert len(notices(folder)) == 3
    assert crmsync("alerts", "test", "shop").code == 2
