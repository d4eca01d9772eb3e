"""What is wrong in a configuration: where, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import PydanticCustomError

from crmsync.sdk import ConfigError


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
        self.problems = tuple(sorted(problems, key=lambda p: (p.line, p.column, p.path)))
        super().__init__("\n".join(map(str, self.problems)))


def refused(message: str, fix: str) -> PydanticCustomError:
    """What a validator raises, so that the reader learns the remedy too. Never put the value in it."""
    # The texts go in as values, because pydantic would read braces in the template itself.
    return PydanticCustomError("refused", "{message}", {"message": message, "fix": fix})
