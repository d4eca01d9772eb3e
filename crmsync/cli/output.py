"""Data to stdout: one versioned JSON object, or words and tables. Words about it go to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

VERSION = 1
_WIDTH_OF_A_FILE = 160


def emit(data: Mapping[str, Any], *, as_json: bool, language: str, show: Callable[[Console], None]) -> None:
    """Print the data as JSON, or let `show` print it for a person."""
    if as_json:
        sys.stdout.write(json.dumps({"version": VERSION, **plain(data, language)}, ensure_ascii=False) + "\n")
    else:
        show(out())


def out() -> Console:
    """Standard output. Into a file or pipe lines are long rather than broken."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def err() -> Console:
    """Standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def table(console: Console, columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """A plain table; nothing in it is read as markup."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_cell(value)) for value in row))
    console.print(shown)


def plain(value: Any, language: str = "en") -> Any:
    """The value as JSON has it: times in ISO 8601, reasons told in the language."""
    from crmsync.sdk.text import Told

    if isinstance(value, Told):
        return value.text(language)
    if isinstance(value, Mapping):
        return {_key(key): plain(member, language) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member, language) for member in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), language) for field in fields(value)}
    return value


def _key(key: Any) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
