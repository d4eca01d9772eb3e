"""A selection's text as words, numbers and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crmsync.config.selection.problem import Fault, InvalidSelection

_TOKEN = re.compile(
    r"""(?P<text>"[^"]*"|'[^']*')
    |(?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?)?)
    |(?P<number>-?\d+(?:\.\d+)?%?)
    |(?P<word>[^\W\d][\w-]*)
    |(?P<sign><=|>=|!=|==|<>|[=<>(),])
    """,
    re.VERBOSE,
)
# What a Chinese keyboard gives for the same signs; each is one character for one.
_WIDE = str.maketrans("（），＝＜＞≤≥“”％", '(),=<>≤≥""%')


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is word, number, moment, text, sign, or end; `text` without quotes."""

    kind: str
    text: str
    at: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens, and an end. Raises InvalidSelection where none begins."""
    text, at = text.translate(_WIDE), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        found = _TOKEN.match(text, at)
        if found is None:
            raise InvalidSelection([_unreadable(text, at)])
        kind = str(found.lastgroup)
        yield Token(kind, found[0][1:-1] if kind == "text" else found[0], at)
        at = found.end()
    yield Token("end", "", len(text.rstrip()))


def _unreadable(text: str, at: int) -> Fault:
    if text[at] in "\"'":
        return Fault(at, "this quotation has no end.", f"Close it with {text[at]}.")
    meant = {"≤": "<=", "≥": ">=", "&": "and", "|": "or", "!": "not"}.get(text[at])
    fix = f"Write {meant}." if meant else "See docs/segments.md for what may stand here."
    return Fault(at, f"{text[at]} means nothing here.", fix)
