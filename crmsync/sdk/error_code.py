"""Error codes that a platform puts into the body of an answer, and what the host does about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crmsync.sdk.errors import CrmsyncError, PermanentError, RateLimited


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """What a code means: the error it amounts to, why in words, and what to do next.

    `pause`: for RateLimited, how long the platform wants to be left alone.
    """

    error: type[CrmsyncError]
    why: str
    fix: str = ""
    pause: timedelta = timedelta(minutes=1)


class ErrorCodes:
    """The codes of one platform. A key that ends in `*` stands for all that begin so; any code that is
    not listed is final. The platform's own words are never told: they may repeat contact data."""

    def __init__(self, platform: str, known: Mapping[str, ErrorCode]) -> None:
        self._platform = platform
        self._exact = {code: known[code] for code in known if not code.endswith("*")}
        self._families = {code[:-1]: known[code] for code in known if code.endswith("*")}

    def error(self, code: object, now: datetime) -> CrmsyncError:
        """The error for this code."""
        known = self._known(str(code))
        if known is None:
            return PermanentError(f"{self._platform} refused it with the code {code}.")
        what = f"{self._platform} answered {code}: {known.why}."
        if issubclass(known.error, RateLimited):
            return known.error(what, until=now + known.pause, fix=known.fix)
        return known.error(what, fix=known.fix)

    def _known(self, code: str) -> ErrorCode | None:
        if code in self._exact:
            return self._exact[code]
        families = [known for start, known in self._families.items() if code.startswith(start)]
        return families[0] if families else None
