from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from care_shop import campaign

from crmsync.care import check_templates
from crmsync.care.template import BUNDLED, Template, bare_values, sample_values, told_date
from crmsync.care.text import FILTERS, MAX_BODY, VALUES, Text, Values
from crmsync.care.values import clean
from crmsync.sdk import ConfigError
from crmsync.sdk.records import ComplaintType

FULL = {**sample_values("en"), "shop_name": "Tea House", "last_product": "Pot"}


def text(tmp_path: Path, body: str, subject: str = "Hello") -> Text:
    path = tmp_path / "own.j2"
    path.write_text(f"subject: {subject}\n{body}\n")
    return Text(path)


def test_a_customers_own_words_are_never_rendered(tmp_path: Path) -> None:
    rendered = text(tmp_path, "Dear {{ customer_name }}", "{{ customer_name }}").render(
        FULL | {"customer_name": "{{ 7 * 7 }}{% for x in y %}"}
    )
    assert rendered.body == "Dear {{ 7 * 7 }}{% for x in y %}"
    assert rendered.subject == "{{ 7 * 7 }}{% for x in y %}"


def test_the_filters_that_stay_do_what_they_say(tmp_path: Path) -> None:
    body = "{{ customer_name|upper }} {{ favourite_product|truncate(4, True, '…') }} {{ ' x '|trim }}"
    assert text(tmp_path, body).render(FULL | {"favourite_product": "Teapot with a lid"}).body == "LIN Tea… x"


def test_a_missing_value_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing for this customer"):
        text(tmp_path, "Dear {{ customer_name }}").render(FULL | {"customer_name": None})


def test_a_subject_is_one_line(tmp_path: Path) -> None:
    assert (
        text(tmp_path, "x", "{{ shop_name }}").render(FULL | {"shop_name": "A\r\nBcc: b"}).subject
        == "A Bcc: b"
    )


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("Hello\nno subject", 1, "no subject"),
        ("subject: a\nb\n{{ customer_nam }}", 3, "customer_nam"),
        ("subject: a\nb\n\n{% if level %}", 4, "endif"),
        ("subject: {{ shop }}\nb", 1, "shop"),
    ],
)
def test_problems_are_found_with_their_line(tmp_path: Path, source: str, line: int, word: str) -> None:
    path = tmp_path / "own.j2"
    path.write_text(source)
    (problem,) = check_templates([campaign(template=str(path))])
    assert (problem.file, problem.line, problem.path) == (path, line, "care[0].template")
    assert word in problem.message
    assert problem.fix


def test_every_problem_is_found_at_once_and_a_near_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text(
        "subject: {{ level }}\n{{ customer_nam }}\n{{ dayssince }}\n{{ level|uper }}"
    )
    problems = check_templates([campaign(template="own.j2"), campaign(template="gone")], tmp_path)
    assert [p.path for p in problems] == ["care[0].template"] * 3 + ["care[1].template"]
    assert {p.fix for p in problems[:3]} == {
        "Did you mean 'customer_name'?",
        "Did you mean 'days_since'?",
        "Did you mean 'upper'?",
    }
    assert "winback" in problems[3].fix


def test_a_value_that_can_be_missing_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text("subject: a\nDear {{ customer_name }}")
    (problem,) = check_templates([campaign(template="own.j2")], tmp_path)
    assert "missing" in problem.message


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_bytes(b"subject: \xff\xfe")
    (problem,) = check_templates([campaign(template="own.j2")], tmp_path)
    assert "UTF-8" in problem.message


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("*.j2")), ids=lambda path: path.name)
def test_bundled_texts_read_well_whatever_is_known(path: Path) -> None:
    bare = bare_values("en") | {"shop_name": "Tea House"}
    some = [
        FULL | {"coupon_code": None},
        FULL | {"offer": None},
        FULL | {"order_number": None},
        FULL | {"unsubscribe_url": None},
    ]
    types: list[Values] = [FULL | {"complaint_type": type} for type in get_args(ComplaintType)]
    for values in (FULL, bare, *some, *types):
        rendered = Text(path).render(values)
        assert "Tea House" in rendered.body
        assert "None" not in rendered.body
        assert "\n\n\n" not in rendered.body
        assert "  " not in rendered.body


def test_the_template_of_the_documentation_is_sound(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "care.md").read_text()
    (tmp_path / "own.j2").write_text(guide.partition("```jinja\n")[2].partition("```")[0])
    assert check_templates([campaign(template="own.j2")], tmp_path) == ()
    assert all(f"`{name}`" in guide for name in (*VALUES, *FILTERS))


def test_bundled_templates_are_in_both_languages_and_sound() -> None:
    names = {path.name.split(".")[0] for path in BUNDLED.glob("*.j2")}
    assert names == set(
        "winback winback_coupon apology late_delivery vip_thanks early_access review_request follow_up "
        "birthday anniversary replenishment cross_sell".split()
    )
    assert check_templates([campaign(template=name) for name in sorted(names)]) == ()
    assert all(set(Template(name).texts) == {"en", "zh"} for name in names)


def test_one_text_of_a_bundled_template_serves_every_reader() -> None:
    assert Template("winback.zh.j2").text("en")[0] == "zh"


def test_a_text_for_every_reader_keeps_the_readers_language(tmp_path: Path) -> None:
    (tmp_path / "own.j2").write_text("subject: a\nb")
    assert Template("own.j2", tmp_path).text(None, "zh-CN", "en")[0] == "zh"


def test_a_version_changes_with_the_text(tmp_path: Path) -> None:
    assert text(tmp_path, "a").version == text(tmp_path, "a").version != text(tmp_path, "b").version


def test_dates_are_told_in_the_readers_language() -> None:
    assert told_date(date(2026, 3, 5), "zh") == "2026年3月5日"
    assert told_date(date(2026, 3, 5), "en") == "5 March 2026"


def test_customers_words_are_cleaned_of_what_cannot_be_seen() -> None:
    assert clean("A\x00\u202eB\r\n\tC\u200b ") == "A B C"
    assert clean("\u202e") is None
    assert len(clean("长" * 9999) or "") == 200


def test_the_output_is_capped(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="characters"):
        text(tmp_path, "x" * (MAX_BODY + 1)).render(FULL)
