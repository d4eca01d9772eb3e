"""Three hundred ways out of a template and fifty ways to use up the machine, each stopped in its limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import template_attacks
from template_attacks import BOMBS, CHAINS, ESCAPES, FORMATS, HEAVY, MEGABYTES, SECONDS, Outcome

from crmsync.care import text as text_module
from crmsync.care.template import sample_values
from crmsync.care.text import VALUES, Text
from crmsync.sdk import ConfigError


def attempts(how: str, what: str) -> list[Outcome]:
    """In a process that has loaded nothing else, so that what a template costs is seen."""
    command = [sys.executable, template_attacks.__file__, how, what]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    return [(outcome, spent, grown) for outcome, spent, grown in json.loads(done.stdout)]


def test_there_are_enough_and_no_two_are_the_same() -> None:
    assert len(set(ESCAPES)) == len(ESCAPES) >= 300
    assert len(set(BOMBS)) == len(BOMBS) >= 50


def test_no_way_out(tmp_path: Path) -> None:
    path = tmp_path / "attack.j2"
    got_out = []
    for source in ESCAPES:
        path.write_text(f"subject: Hello\n{source}\n", "utf-8")
        try:
            got_out.append((source, Text(path).render(sample_values("en")).body))
        except ConfigError:
            continue
    assert got_out == []


def test_no_way_out_through_the_subject(tmp_path: Path) -> None:
    path = tmp_path / "attack.j2"
    for source in CHAINS:
        path.write_text(f"subject: {source}\nHello\n", "utf-8")
        with pytest.raises(ConfigError):
            Text(path).render(sample_values("en"))


def test_a_customers_name_is_never_read_as_a_template(tmp_path: Path) -> None:
    path = tmp_path / "own.j2"
    path.write_text("subject: {{ customer_name }}\n{{ customer_name|trim }}\n", "utf-8")
    text = Text(path)
    short = [source.strip() for source in ESCAPES if 0 < len(source) <= 200 and "\n" not in source]
    assert len(short) >= 300
    for source in short:
        assert text.render(sample_values("en") | {"customer_name": source}).body == source


def test_the_sandbox_alone_lets_nothing_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second fence holds by itself."""
    monkeypatch.setattr(text_module, "_faults", lambda tree: iter(()))
    # What passes without the first fence must not be remembered.
    monkeypatch.setattr(text_module, "_compiled", text_module._compiled.__wrapped__)
    path = tmp_path / "attack.j2"
    rendered = 0
    for source in CHAINS + FORMATS:
        path.write_text(f"subject: Hello\n{source}\n", "utf-8")
        try:
            body = Text(path).render(sample_values("en")).body
        except Exception:
            continue
        rendered += 1
        assert not template_attacks._EVIDENCE.search(body), source
    assert rendered > 0


def test_every_bomb_is_stopped_within_its_limits() -> None:
    found = attempts("guarded", "bombs")
    for source, (outcome, spent, grown) in zip(BOMBS, found, strict=True):
        told = f"{source[:60]}: {outcome} after {spent:.2f} s and {grown:.0f} MB"
        assert outcome in ("refused", "rendered"), told
        assert spent < SECONDS, told
        assert grown < MEGABYTES, told
    assert Counter(outcome for outcome, _, _ in found)["refused"] >= 50


def test_the_same_attacks_succeed_on_a_plain_environment() -> None:
    """What is stopped here is really dangerous."""
    leaked = Counter(outcome for outcome, _, _ in attempts("plain", "chains"))["leaked"]
    assert leaked >= 10
    killed = Counter(outcome for outcome, _, _ in attempts("plain", "heavy"))["killed"]
    assert killed >= len(HEAVY) // 2


class Loud(str):
    """A text that brings code of its own."""

    def __str__(self) -> str:
        raise AssertionError("called")

    __format__ = __html__ = __str__  # type: ignore[assignment]


@pytest.mark.parametrize(
    "value",
    [Loud("x"), object(), ["x"], {"x": 1}, b"x", 1.5, True, lambda: "x", "长" * 201],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_plain_or_nothing_is_rendered(tmp_path: Path, value: object) -> None:
    path = tmp_path / "own.j2"
    path.write_text("subject: Hello\n{{ customer_name }}\n")
    with pytest.raises(ConfigError, match="customer_name is no plain short value"):
        Text(path).render(sample_values("en") | {"customer_name": value})  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="password is no plain short value"):
        Text(path).render(sample_values("en") | {"password": "x"})


def test_the_sample_has_every_value() -> None:
    assert set(sample_values("en")) == set(VALUES)
