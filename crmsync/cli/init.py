"""`crmsync init`: a configuration to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crmsync.cli.option import AsJson, Language
from crmsync.cli.output import emit

_STARTER = Path(__file__).with_name("starter.yaml")


def init(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("crmsync.yaml"),
    as_json: AsJson = False,
    language: Annotated[Language, typer.Option("--language", help="The language of the shop.")] = Language.en,
) -> None:
    """Write a small configuration to begin with; an existing file is never overwritten."""
    from crmsync.sdk import UsageError

    text = _STARTER.read_text("utf-8").replace("LANGUAGE", language.value)
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(text)
    except FileExistsError:
        raise UsageError(f"{file} exists.", fix="Edit it, or name another file.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.", fix="Name another file.") from None
    emit(
        {"file": file.absolute()},
        as_json=as_json,
        language=language,
        show=lambda console: console.print(
            f"Wrote {file}. Name your shop in it, then: crmsync check -c {file}", markup=False
        ),
    )
