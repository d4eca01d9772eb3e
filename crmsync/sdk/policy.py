"""What a platform allows its shops to write to buyers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from crmsync.sdk.message import OutgoingMessage

_LINK = re.compile(r"https?://|\bwww\.\w", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """A connector states its platform's rules; care keeps to them when a message is planned and again
    when it is sent. The defaults allow everything.

    `window`: how long after an order a message about it may go out, counted from when it was placed or
    `delivered`; until the delivery that one has not begun to run. `max_length`: of the text, in
    characters. `forbidden_words`: not to stand in subject or text, in whatever case. `links`: whether
    web addresses may stand there.
    """

    window: timedelta | None = None
    window_from: Literal["placed", "delivered"] = "placed"
    max_length: int | None = None
    forbidden_words: frozenset[str] = frozenset()
    links: bool = True

    def refusal(self, message: OutgoingMessage, now: datetime) -> str | None:
        """Why the platform would not have this message, or None."""
        if self.window is not None and (why := self._late(message, self.window, now)):
            return why
        if self.max_length is not None and len(message.body) > self.max_length:
            return f"the text has {len(message.body)} characters, the platform takes {self.max_length}"
        text = f"{message.subject}\n{message.body}"
        folded = text.casefold()
        for word in sorted(self.forbidden_words):
            if word.casefold() in folded:
                return f"the platform forbids the word {word}"
        if not self.links and _LINK.search(text):
            return "the platform forbids links"
        return None

    def _late(self, message: OutgoingMessage, window: timedelta, now: datetime) -> str | None:
        if message.ordered_at is None:
            return "the platform takes messages about an order only"
        begun = message.ordered_at if self.window_from == "placed" else message.delivered_at
        if begun is not None and now > begun + window:
            return f"the platform takes messages about an order for {window / timedelta(days=1):g} days only"
        return None
