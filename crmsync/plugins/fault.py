"""Why a plugin cannot be loaded, and the file and line to look at."""

from __future__ import annotations

import ast
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any


class PluginFault(Exception):
    """A plugin cannot be loaded. The text begins with where the fault is, when that is known."""

    def __init__(self, reason: str, *, file: str | None = None, line: int | None = None) -> None:
        where = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{where}{reason}")


class PluginIncompatible(PluginFault):
    """A plugin was made for another version of the interface."""


def fault_of(error: BaseException, root: Path | None, doing: str) -> PluginFault:
    """What an exception out of a plugin's code means.

    `root`: the plugin's file or package, to find the line that is its own; `doing` reads like
    "while it was imported".
    """
    if isinstance(error, PluginFault):
        return error
    if isinstance(error, SystemExit):
        reason = f"it called sys.exit({error.code!r}) {doing}."
    elif isinstance(error, SyntaxError):
        reason = f"{type(error).__name__}: {error.msg}."
    else:
        reason = f"{type(error).__name__} {doing}: {error}".rstrip(": ") + "."
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_file():
        return PluginFault(reason, file=error.filename, line=error.lineno)
    file, line = _own_line(error, root)
    return PluginFault(reason, file=file, line=line)


def _own_line(error: BaseException, root: Path | None) -> tuple[str | None, int | None]:
    if root is None:
        return None, None
    folder = root.parent if root.name == "__init__.py" else root
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        path = Path(frame.filename)
        if path == root or folder in path.parents:
            return frame.filename, frame.lineno
    return str(root), None


def at_function(reason: str, function: Callable[..., Any]) -> PluginFault:
    """A fault at the line of a function's `def`."""
    code = inspect.unwrap(function).__code__
    line = code.co_firstlineno
    try:
        for node in ast.walk(ast.parse(Path(code.co_filename).read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == line:
                    return PluginFault(reason, file=code.co_filename, line=node.lineno)
    except (OSError, SyntaxError, ValueError):
        pass
    return PluginFault(reason, file=code.co_filename, line=line)


def at_class(reason: str, kind: type) -> PluginFault:
    """A fault at the line of a class."""
    try:
        _, line = inspect.getsourcelines(kind)
        return PluginFault(reason, file=inspect.getsourcefile(kind), line=line)
    except (OSError, TypeError):
        return PluginFault(f"{kind.__module__}.{kind.__qualname__}: {reason}")


def at_module(reason: str, module: ModuleType) -> PluginFault:
    """A fault of a module as a whole."""
    return PluginFault(reason, file=getattr(module, "__file__", None))
