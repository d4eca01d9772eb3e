"""What the pages are made of: descriptions that must be there, tables, code."""

from __future__ import annotations

from collections.abc import Iterable


class Undescribed(Exception):
    """Something in the reference has no description."""


def described(what: str, text: str | None) -> str:
    """The text on one line. Raises Undescribed when there is none."""
    if not text or not text.strip():
        raise Undescribed(f"{what} has no description.")
    return " ".join(text.split())


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines += [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(text: object) -> str:
    return f"`{text}`"
