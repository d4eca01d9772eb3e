"""The reference says what the code says, and the code describes everything that is in it."""

from __future__ import annotations

from types import ModuleType
from typing import Annotated

import generate
import pytest
import typer
from pydantic import Field
from refpages.command_line import parameters
from refpages.errors import error_row
from refpages.facts import fact_row
from refpages.hooks import hooks
from refpages.page import Undescribed
from refpages.settings import settings_rows

from crmsync.sdk import CrmsyncError, Settings
from crmsync.sdk.columns import Column


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    path, text = generate.FOLDER / f"{name}.md", generate.made(name)
    assert path.read_text("utf-8") == text, "run: python docs/generate.py"


def test_every_page_is_made_from_the_code() -> None:
    assert {path.stem for path in generate.FOLDER.glob("*.md")} == set(generate.PAGES)


def test_a_hook_without_a_description_is_refused() -> None:
    def crmsync_nothing() -> None:
        pass

    spec = ModuleType("spec")
    vars(spec)["crmsync_nothing"] = crmsync_nothing
    with pytest.raises(Undescribed, match="crmsync_nothing"):
        hooks(spec)


def test_a_setting_without_a_description_is_refused() -> None:
    class Given(Settings):
        told: int = Field(1, description="Told.")
        untold: int = 1

    assert list(settings_rows(Given, skip=["untold"])) == [("`told`", "whole number", "`1`", "Told.")]
    with pytest.raises(Undescribed, match=r"Given\.untold"):
        list(settings_rows(Given))


def test_an_error_without_a_description_is_refused() -> None:
    class Untold(CrmsyncError):
        pass

    with pytest.raises(Undescribed, match="Untold"):
        error_row(Untold)


def test_a_fact_without_a_description_is_refused() -> None:
    with pytest.raises(Undescribed, match=r"customer\.untold"):
        fact_row("customer", Column("untold", ""))


def test_an_option_without_a_description_is_refused() -> None:
    def command(
        told: Annotated[bool, typer.Option("--told", help="Told.")] = False,
        untold: Annotated[bool, typer.Option("--untold")] = False,
    ) -> None:
        pass

    with pytest.raises(Undescribed, match="crmsync x untold"):
        parameters("crmsync x", command)


def test_an_option_is_shown_as_it_is_typed() -> None:
    def command(
        ids: Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Which.")] = None,
        limit: Annotated[int, typer.Option("--limit", "-n", help="How many.")] = 5,
    ) -> None:
        pass

    assert parameters("crmsync x", command) == [
        ("`[ID...]`", "Which."),
        ("`-n, --limit NUMBER`", "How many. Default: `5`."),
    ]
