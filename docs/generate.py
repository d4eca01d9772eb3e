"""Writes docs/reference from the code. With `--check`: only says what is out of date."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from refpages.checks import checks
from refpages.command_line import command_line
from refpages.errors import errors
from refpages.facts import facts
from refpages.hooks import hooks
from refpages.records import records
from refpages.settings import settings
from refpages.tables import tables

FOLDER = Path(__file__).parent / "reference"
_MADE = "<!-- Made by docs/generate.py from the code; do not edit. -->\n\n"

PAGES: dict[str, Callable[[], str]] = {
    "checks": checks,
    "cli": command_line,
    "errors": errors,
    "facts": facts,
    "hooks": hooks,
    "records": records,
    "settings": settings,
    "tables": tables,
}


def made(name: str) -> str:
    """The text of a page as the code has it now."""
    return _MADE + PAGES[name]()


def main(arguments: list[str]) -> int:
    outdated = False
    for name in PAGES:
        path, text = FOLDER / f"{name}.md", made(name)
        if not path.exists() or path.read_text("utf-8") != text:
            outdated = True
            sys.stdout.write(f"{path.name}\n")
            if "--check" not in arguments:
                path.write_text(text, "utf-8")
    return 1 if outdated and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
