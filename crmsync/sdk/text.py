"""Text a person of the shop reads: a message and its values, to be told in any language."""

from __future__ import annotations

import gettext
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

LANGUAGES = ("en", "zh")
_EPOCH = date(1970, 1, 1).toordinal()
_CATALOGUES = Path(__file__).parent.parent / "locale"
_GETTEXT_NAME = {"zh": "zh_CN"}

Value = str | int | float | None


def mark(message: str) -> str:
    """Mark a message for the catalogues without translating it yet (gettext's `N_`)."""
    return message


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation(
        "crmsync", _CATALOGUES, languages=[_GETTEXT_NAME.get(language, language)], fallback=True
    )


def translate(message: str, language: str) -> str:
    """The message in that language (`en`, `zh`, `zh-CN` …), or itself where no catalogue has it."""
    return _catalogue(language.replace("_", "-").split("-")[0].lower()).gettext(message) if message else ""


@dataclass(frozen=True, slots=True)
class Told:
    """A message with values: `Told("No order for {days} days.", {"days": 120})`.

    `told.text("zh")` is what a Chinese reader sees. A plugin outside crmsync gives its own
    languages in `own`: `{"zh": "…"}`.
    """

    message: str
    values: dict[str, Value] = field(default_factory=dict)
    own: dict[str, str] = field(default_factory=dict)

    def text(self, language: str = "en") -> str:
        short = language.replace("_", "-").split("-")[0].lower()
        message = self.own.get(short) or translate(self.message, short)
        return message.format_map({k: _shown(v) for k, v in self.values.items()})


def _shown(value: Value) -> Value:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return value


def written_day(day: float) -> str:
    """A day counted since 1970, as facts hold it, the way it is written: `2026-03-01`."""
    return date.fromordinal(_EPOCH + int(day)).isoformat()
