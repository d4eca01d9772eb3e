"""JSON with {placeholders}, filled in by plain substitution: no expression is evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

PLACEHOLDERS = ("account_id", "text", "subject", "key", "order_id", "language", "campaign", "purpose")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def checked(template: Any) -> Any:
    """The template itself. Raises ValueError when it names a placeholder there is none of."""
    for name in _named(template):
        if name not in PLACEHOLDERS:
            raise ValueError(
                f"there is no {{{name}}}; there are {', '.join(f'{{{p}}}' for p in PLACEHOLDERS)}"
            )
    return template


def filled(template: Any, values: Mapping[str, str | None]) -> Any:
    """The template with the values put in; text that is one placeholder alone becomes null without one."""
    if isinstance(template, dict):
        return {key: filled(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    alone = _PLACEHOLDER.fullmatch(template)
    return values.get(alone[1]) if alone else _substituted(template, values, str)


def filled_path(template: str, values: Mapping[str, str | None]) -> str:
    """The path with the values put in, quoted so that none can leave its place."""
    return _substituted(template, values, lambda value: quote(value, safe=""))


def _substituted(template: str, values: Mapping[str, str | None], write: Callable[[str], str]) -> str:
    # One pass, so that braces inside a value stay what they are.
    return _PLACEHOLDER.sub(lambda found: write(values.get(found[1]) or ""), template)


def _named(template: Any) -> list[str]:
    if isinstance(template, dict):
        return [name for value in template.values() for name in _named(value)]
    if isinstance(template, list):
        return [name for value in template for name in _named(value)]
    return _PLACEHOLDER.findall(template) if isinstance(template, str) else []
