"""The Chinese catalogue holds every text the code marks, and says it in Chinese."""

from __future__ import annotations

import re
from string import Formatter

import catalogue
import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import read_mo

from crmsync.sdk import Told, translate

MESSAGES = [message for message in catalogue.read() if message.id]


def texts(messages: list[Message]) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in messages}


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_it_holds_exactly_what_the_code_marks() -> None:
    marked = {text for text, _ in catalogue.marked()}
    assert marked == texts(MESSAGES).keys(), "run: python docs/catalogue.py"


def test_the_file_is_as_the_script_writes_it() -> None:
    written = catalogue.PO.read_text("utf-8")
    assert written == catalogue.updated(catalogue.read()), "run: python docs/catalogue.py"


def test_the_compiled_file_is_of_the_same_texts() -> None:
    with catalogue.PO.with_suffix(".mo").open("rb") as file:
        compiled = [message for message in read_mo(file) if message.id]
    assert texts(compiled) == texts(MESSAGES), "run: python docs/catalogue.py"


def faults(message: Message) -> list[str]:
    """What is wrong with a translation."""
    text, translation = str(message.id), str(message.string)
    found = ["fuzzy"] if message.fuzzy else []
    if not re.search(r"[\u4e00-\u9fff]", translation):
        found.append("no Chinese")
    if placeholders(text) != placeholders(translation):
        found.append("other values")
    if len(text) - len(text.lstrip()) != len(translation) - len(translation.lstrip()):
        found.append("another indentation")
    return found


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: str(message.id)[:40])
def test_a_text_is_translated(message: Message) -> None:
    assert faults(message) == []


@pytest.mark.parametrize(
    ("translation", "flags", "fault"),
    [
        ("", (), "no Chinese"),
        ("No order for {days} days.", (), "no Chinese"),
        ("已有多天没有下单。", (), "other values"),
        ("已有 {day} 天没有下单。", (), "other values"),
        ("已有 {days} 天没有下单。", ("fuzzy",), "fuzzy"),
        ("  已有 {days} 天没有下单。", (), "another indentation"),
    ],
)
def test_a_bad_translation_is_found(translation: str, flags: tuple[str, ...], fault: str) -> None:
    assert fault in faults(Message("No order for {days} days.", translation, flags=flags))


def test_a_reader_gets_their_language() -> None:
    told = Told("No order for {days} days.", {"days": 120})
    assert told.text("zh") == told.text("zh-CN") == "已有 120 天没有下单。"
    assert told.text("en") == "No order for 120 days."
    assert translate("no such text", "zh") == "no such text"
