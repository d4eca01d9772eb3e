"""The page of errors."""

from __future__ import annotations

import inspect
import re

from crmsync.sdk import CrmsyncError
from crmsync.sdk import errors as classes
from refpages.page import code, described, table


def errors() -> str:
    """Every error class, grouped by what the host does next, as the module itself groups them."""
    text = (
        "# Errors\n\nAll of them are in `crmsync.sdk`. Each takes what happened, and `fix=`: what a person "
        'can do about it. With `--json` a command\'s error is `{"error": {"code", "message", "fix"}}`.\n'
    )
    rows: list[tuple[str, ...]] = []
    for line in inspect.getsource(classes).splitlines():
        if line.startswith("# "):
            text += _error_table(rows) + f"\n## {line[2:]}\n\n"
            rows = []
        elif match := re.match(r"class (\w+)\(", line):
            cls = getattr(classes, match[1])
            if cls is not CrmsyncError:
                rows.append(error_row(cls))
    return text + _error_table(rows)


def error_row(cls: type[CrmsyncError]) -> tuple[str, ...]:
    """Class, code, exit code and meaning. Raises Undescribed."""
    return code(cls.__name__), code(cls.code), str(cls.exit_code), described(cls.__name__, cls.__doc__)


def _error_table(rows: list[tuple[str, ...]]) -> str:
    return table(("class", "code", "exit code", "meaning"), rows) if rows else ""
