"""What is wrong in a configuration: where, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from pydantic_core import PydanticCustomError

from crmsync.sdk import ConfigError

Place = tuple[str | int, ...]
"""Where a value stands: `("connections", 0, "app_key")`."""


def dotted(place: Place) -> str:
    """The place as a person writes it: `connections[0].app_key`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `line` and `column` count from 1; `path` reads like `connections[0].app_key`."""

    file: Path
    line: int
    column: int
    path: str
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message} {self.fix}".rstrip()


class InvalidConfig(ConfigError):
    """Every fault of one configuration file, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems), key=lambda p: (p.line, p.column, p.path, p.message)))
        super().__init__("\n".join(map(str, self.problems)))


def refused(message: str, fix: str, *, key: str = "") -> PydanticCustomError:
    """What a validator raises, so that the reader learns the remedy too. Never put the value in it.

    `key`: the field at fault, when the validator looks at a whole model.
    """
    # The texts go in as values, because pydantic would read braces in the template itself.
    return PydanticCustomError("refused", "{message}", {"message": message, "fix": fix, "key": key})


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean …?`, or what is known; `otherwise` when nothing is."""
    names: Mapping[str, str] = {name.lower(): name for name in sorted(known)}
    if close := get_close_matches(word.lower(), names, 1):
        return f"Did you mean {names[close[0]]}?"
    return f"Known: {', '.join(names.values())}." if names else otherwise
