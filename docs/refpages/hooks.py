"""The page of hooks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from crmsync.sdk import events, hookspecs
from refpages.page import described


def hooks(spec: Any = hookspecs) -> str:
    """Every hook of the module, and the classes that the event hooks receive."""
    text = "# Hooks\n\nA plugin is a module with functions of these names, each marked with `@hookimpl`.\n"
    for name, function in vars(spec).items():
        if name.startswith("crmsync_") and inspect.isfunction(function):
            text += f"\n## {name}\n\n```python\n{_signature(function)}\n```\n\n"
            text += "\n\n".join(described(name, p) for p in (inspect.getdoc(function) or " ").split("\n\n"))
            text += "\n"
    text += "\n## What the hooks receive\n"
    for cls in (events.RunResult, events.Rejection, events.FlagChange, events.SentMessage, events.Veto):
        fields = ", ".join(f"`{name}`" for name in cls.__dataclass_fields__)
        text += f"\n**{cls.__name__}**: {described(cls.__name__, inspect.getdoc(cls))} Fields: {fields}.\n"
    return text


def _signature(function: Callable[..., Any]) -> str:
    return f"def {function.__name__}{inspect.signature(function)}".replace("'", "")
