"""Errors as a person reads them, and as a program does."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING, Any

from crmsync.cli.output import VERSION, err

if TYPE_CHECKING:
    from crmsync.sdk.errors import CrmsyncError

USAGE = 2


def report(error: CrmsyncError, *, as_json: bool) -> None:
    """Tell what happened, where, why, and what to do next."""
    from crmsync.config.problem import InvalidConfig

    problems = error.problems if isinstance(error, InvalidConfig) else ()
    if as_json:
        told: dict[str, Any] = {"code": error.code, "message": error.what, "fix": error.fix}
        if problems:
            told["message"] = f"The configuration has {len(problems)} problems."
            told["problems"] = [
                {
                    "file": str(problem.file),
                    "line": problem.line,
                    "column": problem.column,
                    "path": problem.path,
                    "message": problem.message,
                    "fix": problem.fix,
                }
                for problem in problems
            ]
        _object(told)
        return
    for problem in problems:
        _line(f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", problem.fix)
    if not problems:
        _line(error.what, error.fix)


def report_usage(error: Any, *, as_json: bool) -> int:
    """Tell what is wrong with the arguments. Its exit code."""
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        # The help has been printed already.
        return USAGE
    fix = f"See `{context.command_path} --help`." if context is not None else "See `crmsync --help`."
    if as_json:
        _object({"code": "usage", "message": error.format_message(), "fix": fix})
    else:
        _line(error.format_message(), fix)
    return USAGE


def report_bug(error: Exception, *, as_json: bool) -> None:
    """An error nobody foresaw: the traceback, without secrets, and whom to tell."""
    from crmsync.sdk.redaction import Redactor

    redactor = Redactor()
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__} at {frame.filename}:{frame.lineno}: {redactor.text(str(error))}"
    fix = "This is a fault in crmsync: please report it with the traceback."
    sys.stderr.write(redactor.text("".join(traceback.format_exception(error))))
    if as_json:
        _object({"code": "bug", "message": what, "fix": fix})
    else:
        _line(what, fix)


def _object(error: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"version": VERSION, "error": error}, ensure_ascii=False) + "\n")


def _line(what: str, fix: str) -> None:
    from rich.text import Text

    err().print(Text.assemble(("error: ", "bold red"), what, ("\n  " + fix if fix else "", "cyan")))
