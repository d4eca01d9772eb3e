"""`crmsync care preview` and `crmsync templates`, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmsync.cli.command import run

CONFIG = """\
rules: {churn_risk: {}}
care:
  - {name: win-back, when: churn_risk, template: winback, enabled: false}
  - {name: promo, when: churn_risk, template: promo}
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "promo.zh.j2").write_text("subject: 您好\n{{ offer|default('好消息', true) }}\n", "utf-8")
    path = tmp_path / "crmsync.yaml"
    path.write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    assert run([*arguments, "--json"]) == code
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def test_care_preview(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = answer(capsys, "care", "preview")["campaigns"]  # type: ignore[misc]
    assert (found["campaign"], found["occasions"], found["would_send"]) == ("promo", 0, 0)
    assert run(["care", "preview", "win-back"]) == 0
    assert "win-back: 0 of 0 would be written to" in capsys.readouterr().out
    assert run(["care", "preview", "nothing"]) == 2


def test_templates_list_names_where_each_is_used(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {t["name"]: t for t in answer(capsys, "templates", "list")["templates"]}  # type: ignore[attr-defined]
    assert found["winback"]["campaigns"] == ["win-back"]
    assert found["promo"] == {
        "name": "promo",
        "campaigns": ["promo"],
        "languages": ["zh"],
        "values": ["offer"],
        "problem": "",
    }
    assert set(found["apology"]["languages"]) == {"en", "zh"}


def test_templates_check_finds_faults(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(capsys, "templates", "check")["problems"] == []
    (config.parent / "promo.zh.j2").write_text("subject: x\n\n{{ nobody }}\n")
    (problem,) = answer(capsys, "templates", "check", code=3)["problems"]  # type: ignore[misc]
    assert (problem["line"], problem["path"]) == (3, "care[1].template")
    assert answer(capsys, "templates", "check", "winback")["problems"] == []
    assert run(["templates", "check", "promo"]) == 3
    assert "there is no value 'nobody'" in capsys.readouterr().out


def test_templates_preview(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = answer(capsys, "templates", "preview", "promo", "--value", "offer=")["texts"]
    assert texts == {"zh": {"subject": "您好", "body": "好消息"}}
    assert run(["templates", "preview", "apology", "--language", "zh", "--bare"]) == 0
    assert "非常抱歉" in capsys.readouterr().out
    assert run(["templates", "preview", "promo", "--value", "offer"]) == 2
    assert run(["templates", "preview", "promo", "--value", "password=x"]) != 0
