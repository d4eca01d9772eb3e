"""`crmsync templates`: what the campaigns say, whether it is sound, and how it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from crmsync.cli.exit_code import FINDINGS
from crmsync.cli.option import AsJson, ConfigFile, InLanguage, Language
from crmsync.cli.output import emit, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from crmsync.care import Rendered
    from crmsync.config import Problem

app = typer.Typer(help="Templates: what the campaigns say.", no_args_is_help=True)
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="Bundled templates, or files beside the config."),
]


@app.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show the bundled templates and those of the campaigns, with their languages and values."""
    from crmsync.care import list_templates
    from crmsync.cli.opening import read

    settings, _ = read(config)
    found = list_templates(settings.care, settings.folder)

    def show(console: Console) -> None:
        table(
            console,
            ("template", "languages", "campaigns", "values it names"),
            (
                (t.name, ", ".join(t.languages), ", ".join(t.campaigns), ", ".join(t.values) or t.problem)
                for t in found
            ),
        )

    emit({"templates": found}, as_json=as_json, language="en", show=show)


@app.command("check")
def check(names: Names = None, config: ConfigFile = None, as_json: AsJson = False) -> int:
    """Check templates, or those of every campaign: each is rendered for a customer of whom all is known,
    and for one of whom nothing is."""
    from crmsync.care import check_template, check_templates
    from crmsync.cli.opening import read

    settings, _ = read(config)
    problems: Sequence[Problem] = (
        [problem for name in names for problem in check_template(name, settings.folder)]
        if names
        else check_templates(settings.care, settings.folder)
    )

    def show(console: Console) -> None:
        for problem in problems:
            console.print(str(problem), markup=False, soft_wrap=True)
        if not problems:
            console.print("No template has a fault.")

    emit({"problems": problems}, as_json=as_json, language="en", show=show)
    return FINDINGS if problems else 0


@app.command("preview")
def preview(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundled template, or a file of yours.")],
    value: Annotated[
        list[str] | None,
        typer.Option("--value", metavar="NAME=TEXT", help="In place of the sample's; NAME= is missing."),
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="For a customer of whom nothing is known.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
    language: InLanguage = None,
) -> None:
    """Show how a template reads, in each of its languages or in one, for a made-up customer."""
    from crmsync.care import preview_template
    from crmsync.cli.opening import read

    settings, _ = read(config)
    rendered = preview_template(
        name, settings.folder, language=_word(language), values=_values(value or ()), bare=bare
    )
    emit(
        {"template": name, "texts": rendered},
        as_json=as_json,
        language="en",
        show=lambda console: _show(console, rendered),
    )


def _word(language: Language | None) -> str | None:
    return language.value if language else None


def _values(given: Sequence[str]) -> dict[str, str | None]:
    from crmsync.sdk import UsageError

    values = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not equals:
            raise UsageError(f"--value {each} names no value.", fix="Write --value customer_name=Lin.")
        values[name] = text or None
    return values


def _show(console: Console, rendered: dict[str, Rendered]) -> None:
    for language, text in rendered.items():
        console.print(f"{language or 'every language'}: {text.subject}", markup=False)
        console.print(f"\n{text.body}\n", markup=False)
