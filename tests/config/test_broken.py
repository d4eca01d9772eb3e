"""Broken configurations: each is refused with every place and remedy, and nothing else.

A file in `broken/` ends with comments: `# with NAME=VALUE` sets an environment variable, every
other one is a line of the error without the file's name.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmsync.config import InvalidConfig
from crmsync.sdk import ConfigError

BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


def refusals(load: Callable[..., object], text: str | bytes, **environ: str) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        load(text, **environ)
    problems = caught.value.problems
    assert str(caught.value).splitlines() == [str(problem) for problem in problems]
    return [str(problem).removeprefix(f"{problem.file}:") for problem in problems]


def test_there_are_enough() -> None:
    assert len(BROKEN) >= 80


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.stem)
def test_refused_with_place_and_remedy(file: Path, load: Callable[..., object]) -> None:
    text = file.read_text("utf-8")
    comments = [line[2:] for line in text.splitlines() if line.startswith("# ")]
    environ = dict(line[5:].split("=", 1) for line in comments if line.startswith("with "))
    expected = [line for line in comments if not line.startswith("with ")]
    assert expected
    assert refusals(load, text, **environ) == expected


def test_bytes_that_are_no_text(load: Callable[..., object]) -> None:
    expected = ["2:1: this is not UTF-8. Save the file as UTF-8."]
    assert refusals(load, b"language: en\n# \xff\n") == expected


def test_a_control_character(load: Callable[..., object]) -> None:
    assert refusals(load, "language: \x07\n") == ["1:11: YAML allows no such character. Remove it."]


def test_a_referenced_file_that_is_no_text(load: Callable[..., object], tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"\xff\xfe")
    expected = ["1:11: the file latin.txt is not text in UTF-8. Save it as UTF-8."]
    assert refusals(load, "language: ${file:latin.txt}\n") == expected


def test_a_file_that_cannot_be_read(plugins: object, tmp_path: Path) -> None:
    from crmsync.config import read_document

    with pytest.raises(ConfigError, match="Is a directory"):
        read_document(tmp_path, {})


def test_all_faults_at_once_in_the_order_of_the_file(load: Callable[..., object]) -> None:
    text = """\
langage: en
connections:
  - id: A
    connector: shop
    app_secret: hunter2
rules:
  churn_risk: {threshold: lots}
care:
  - name: win-back
    when: vip
    template: t
    cooldown: soon
"""
    places = [line.split(": ")[0] for line in refusals(load, text)]
    assert places == ["1:1", "3:5", "3:9", "5:17", "7:27", "10:11", "12:15"]


def test_values_from_outside_and_secrets_are_never_shown(load: Callable[..., object]) -> None:
    text = """\
database: mysql://root:${env:ONE}@h/db
connections:
  - id: ${env:TWO}
    connector: ${env:THREE}
  - id: b
    connector: shop
    app_key: k
    region: ${env:FOUR}
    app_secret: literal-five
    zone: ${env:SIX}
    schedule: every ${env:SEVEN}
"""
    names = "ONE TWO THREE FOUR SIX SEVEN".split()
    told = "\n".join(refusals(load, text, **{name: f"Value-{name}" for name in names}))
    assert len(told.splitlines()) == 7
    assert "Value-" not in told
    assert "literal-five" not in told


@pytest.mark.parametrize(
    ("segment", "place"),
    [("when: {segment: some}", "4:53"), ("when: watched_not, segment: some", "4:65")],
)
@pytest.mark.parametrize("said", ["flag(watched)", "orders > 1 and not flag(watched)", "state(watched) = x"])
def test_no_campaign_depends_on_them_through_a_segment(
    plugins: Any, load: Callable[..., object], said: str, segment: str, place: str
) -> None:
    class ForAPerson(plugins.rules["churn_risk"]):  # type: ignore[misc, name-defined]
        for_a_person = True

    plugins.rules["abusive"] = ForAPerson
    text = (
        "rules: {watched: {rule: abusive}, watched_not: {rule: churn_risk}}\n"
        f"segments:\n  some: {said}\n"
        f"care: [{{name: a, template: winback, {segment}}}]\n"
    )
    (refusal,) = refusals(load, text)
    assert refusal.startswith(f"{place}: some looks at the flags of watched, which are for a person")


def test_no_campaign_answers_flags_that_are_for_a_person(plugins: Any, load: Callable[..., object]) -> None:
    class ForAPerson(plugins.rules["churn_risk"]):  # type: ignore[misc, name-defined]
        for_a_person = True

    plugins.rules["abusive"] = ForAPerson
    text = "rules: {watched: {rule: abusive}}\ncare: [{name: a, when: watched, template: winback}]\n"
    (refusal,) = refusals(load, text)
    assert refusal.startswith("2:24: the flags of watched are for a person to decide on; no campaign may")
