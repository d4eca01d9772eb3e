"""Complaints by the commands alone: from a call to a closed case with its follow-up."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from crmsync.cli.command import run
from crmsync.store import Store
from crmsync.store.schema import upgrade
from crmsync.store.tables import Customer

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    store = Store(f"sqlite:///{tmp_path}/crmsync.db")
    upgrade(store)
    with store.write() as transaction:
        transaction.execute(
            insert(Customer).values(id=7, key="shop:7", learned_at=datetime(2026, 1, 1, tzinfo=UTC))
        )
    store.close()
    (tmp_path / "crmsync.yaml").write_text("cases: {compensation_cap: {CNY: 50}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "li")

    def command(*arguments: str) -> tuple[int, Any]:
        code = run(["cases", *arguments, "--json"])
        told = capsys.readouterr()
        return code, json.loads(told.out or told.err)

    return command


def test_from_a_call_to_a_closed_case(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        command("open", "7", "--type", "product", "--product", "stove", "--note", "called us")[1]["case"] == 1
    )
    assert command("assign", "1", "Wang")[0] == 0
    assert command("note", "1", "sent a picture")[0] == 0
    assert command("learn", "1", "Turn the valve first.")[0] == 0
    assert [command("advance", "1")[1]["stage"] for _ in range(2)] == ["accepted", "explained"]
    assert command("advance", "1", "--compensation", "20 CNY")[1]["stage"] == "solved"
    assert command("advance", "1")[1]["stage"] == "follow_up"
    assert [case["stage"] for case in command("list")[1]["cases"]] == ["follow_up"]
    assert command("advance", "1", "--resolved")[1]["stage"] == "closed"
    assert command("list")[1]["cases"] == []
    card = command("show", "1")[1]["case"]
    assert (card["compensation"], card["currency"], card["resolved"]) == (2000, "CNY", True)
    assert card["answer"] == "Turn the valve first."
    assert [step["note"] for step in card["history"][:3]] == ["called us", "Wang", "sent a picture"]
    assert run(["cases", "show", "1", "--language", "zh"]) == 0
    shown = capsys.readouterr().out
    assert "已结案" in shown
    assert "CNY 20.00" in shown
    assert run(["cases", "list", "--closed"]) == 0
    assert "closed" in capsys.readouterr().out


@pytest.mark.parametrize("amount", ["20", "CNY 20", "NaN CNY", "twenty CNY", "20 yuan"])
def test_an_amount_that_is_none_is_refused(command: Command, amount: str) -> None:
    command("open", "7", "--type", "product")
    code, told = command("advance", "1", "--compensation", amount)
    assert code == 2
    assert "20 CNY" in json.dumps(told)


def test_a_case_that_is_not_there(command: Command) -> None:
    assert command("show", "3")[0] == 2
    assert command("assign", "3", "Wang")[0] == 2


def test_a_review_that_nobody_knows_cannot_be_answered(command: Command) -> None:
    assert command("open", "7", "--type", "product")[0] == 0
    code, told = command("reply", "1", "We are sorry.")
    assert (code, told["error"]["message"]) == (2, "No review of customer 7 is known.")
    assert "crmsync cases note" in told["error"]["fix"]
