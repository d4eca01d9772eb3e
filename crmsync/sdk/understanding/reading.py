"""Reading one text by the lexicon."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from crmsync.sdk.records import ComplaintType, ReviewLevel
from crmsync.sdk.understanding.lexicon import BAD, GOOD, TOPICS, TURNING, TURNS
from crmsync.sdk.understanding.polarity import Polarity

_LATIN = re.compile(r"[a-z']+")
_LONGEST = 6


@dataclass(frozen=True, slots=True)
class Understanding:
    """What a text says, and the words that spoke for it.

    `level` is None where nothing speaks for either side. `type` is what a text that is not content is
    about; None where it is content or names nothing that can be told.
    """

    level: ReviewLevel | None
    type: ComplaintType | None
    words: tuple[str, ...]


def understand(
    text: str, level: ReviewLevel | None = None, polarity: Polarity | None = None
) -> Understanding:
    """Read a review. A `level` that stars gave stands; else that of `polarity`, or of the words.

    It knows Chinese and English; of another language it tells no more than words they share.
    """
    words: tuple[str, ...] = ()
    if level == "good":
        return Understanding(level, None, words)
    text = text.lower()
    if level is None and polarity is not None:
        level, words = polarity.level(text), polarity.words(text)
    elif level is None:
        level, words = _level(text)
    if level in (None, "good"):
        return Understanding(level, None, words)
    type, topics = _type(text)
    return Understanding(level, type, tuple(dict.fromkeys((*words, *topics))))


def _level(text: str) -> tuple[ReviewLevel | None, tuple[str, ...]]:
    found = [*_chinese(text), *_english(text)]
    if not found:
        return None, ()
    score = sum(weight for _, weight in found)
    level: ReviewLevel = "good" if score > 0 else "bad" if score < 0 else "neutral"
    return level, tuple(dict.fromkeys(word for word, weight in found if weight * score >= 0))


def _chinese(text: str) -> list[tuple[str, int]]:
    """Each Chinese word of the lexicon, the longest first at every place, with what it weighs there."""
    found, at = [], 0
    weights = _weights()
    while at < len(text):
        if text[at] < "\u2e80":
            at += 1
            continue
        for length in range(min(_LONGEST, len(text) - at), 0, -1):
            word = text[at : at + length]
            weight = weights.get(word)
            if weight is None:
                continue
            turn = next((turn for turn in TURNS if text[:at].endswith(turn)), "")
            found.append((turn + word, -weight if turn else weight))
            at += length
            break
        else:
            at += 1
    return found


def _english(text: str) -> list[tuple[str, int]]:
    found, weights, words = [], _weights(), _LATIN.findall(text)
    for place, word in enumerate(words):
        weight = weights.get(word)
        if weight is not None:
            turn = next((w for w in words[max(place - 2, 0) : place] if w in TURNING), "")
            found.append((f"{turn} {word}".strip(), -weight if turn else weight))
    return found


def _type(text: str) -> tuple[ComplaintType | None, tuple[str, ...]]:
    latin = set(_LATIN.findall(text))
    spoken = {
        type: tuple(w for w in words if (w in latin if w.isascii() else w in text))
        for type, words in TOPICS.items()
    }
    best = max(spoken, key=lambda type: len(spoken[type]))
    return (best, spoken[best]) if spoken[best] else (None, ())


@lru_cache
def _weights() -> dict[str, int]:
    return {**GOOD, **{word: -weight for word, weight in BAD.items()}}
