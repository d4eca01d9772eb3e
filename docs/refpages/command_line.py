"""The page of the command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

from crmsync.cli.command import app as root
from refpages.page import code, described, table


def command_line() -> str:
    """Every command with its arguments and options."""
    commands = {path: (command, parameters(path, command)) for path, command in _commands(root, "crmsync")}
    shared = commands["crmsync check"][1]
    text = (
        "# Command line\n\nData goes to stdout, words about it to stderr. What every command takes is told "
        "once, here. Exit codes: [for ops](../ops.md#exit-codes).\n\n"
    )
    text += table(("option", "meaning"), shared)
    for path, (command, rows) in commands.items():
        own = [row for row in rows if row not in shared]
        arguments = "".join(f" {name.strip('`')}" for name, _ in own if not name.startswith("`-"))
        text += f"\n## {path}\n\n`{path}{arguments}`\n\n{described(path, command.__doc__)}\n"
        text += "\n" + table(("", "meaning"), own) if own else ""
    return text


def _commands(app: Any, path: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every command's function, by what is typed."""
    for command in app.registered_commands:
        yield f"{path} {command.name}", command.callback
    for group in app.registered_groups:
        yield from _commands(group.typer_instance, f"{path} {group.name}")


def parameters(path: str, command: Callable[..., Any]) -> list[tuple[str, str]]:
    """A command's parameters as they are typed, each with its meaning. Raises Undescribed."""
    rows: list[tuple[str, str]] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        kind, info = hints[name].__origin__, hints[name].__metadata__[0]
        # In an annotation the first name stands where the default does elsewhere.
        names = [part for part in (info.default, *(info.param_decls or ())) if isinstance(part, str)]
        meaning = described(f"{path} {name}", info.help)
        if parameter.default not in (None, False, inspect.Parameter.empty):
            meaning += f" Default: {code(parameter.default)}."
        if names:
            shown = ", ".join(sorted(names, key=len)) + _value(kind, info.metavar)
        else:
            shown = info.metavar or name.upper()
            shown = shown if parameter.default is inspect.Parameter.empty else f"[{shown}]"
        rows.append((code(shown), meaning))
    return rows


def _value(kind: Any, metavar: str | None) -> str:
    """What follows an option's name."""
    inner = next((part for part in (kind, *_parts(kind)) if inspect.isclass(part) and part in _VALUES), None)
    enum = next((part for part in _parts(kind) if inspect.isclass(part) and issubclass(part, Enum)), None)
    if kind is bool:
        return ""
    if enum is not None:
        return " " + "|".join(str(member.value) for member in enum)
    return f" {metavar or _VALUES.get(inner, 'TEXT')}"


_VALUES: dict[Any, str] = {int: "NUMBER", Path: "PATH", float: "NUMBER"}


def _parts(kind: Any) -> list[Any]:
    return [kind, *(inner for part in getattr(kind, "__args__", ()) for inner in _parts(part))]
