"""What went wrong for a customer, as facts tell it: the last of each kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """One bad review, refund or complaint. `at` is in seconds since 1970; `type` and `order` where known."""

    at: float
    kind: str
    type: str | None
    order: str | None

    @property
    def said(self) -> str:
        """`complaint`, `review` or `refund`; returns and exchanges are refunds."""
        return self.kind if self.kind in ("complaint", "review") else "refund"


def troubles(text: str | None) -> list[Trouble]:
    """What the fact `troubles` holds: the last trouble of each kind, the latest first."""
    found = []
    for line in (text or "").splitlines():
        at, kind, type, order = line.split(" ", 3)
        found.append(
            Trouble(int(at) / 1e6, kind, None if type == "-" else type, None if order == "-" else order)
        )
    return sorted(found, key=lambda trouble: (-trouble.at, trouble.kind))
