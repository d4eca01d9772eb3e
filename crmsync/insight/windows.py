"""How long after something a purchase still counts as brought about by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Windows:
    """`consult`: after asking an agent, who has then converted the customer. `answer`: after a message
    of a campaign, which the customer has then answered."""

    consult: timedelta = timedelta(days=3)
    answer: timedelta = timedelta(days=14)

    def bounds(self) -> dict[str, int]:
        """What the statements of facts bind."""
        return {
            "consult_window": self.consult // _MICROSECOND,
            "answer_window": self.answer // _MICROSECOND,
        }


USUAL = Windows()
"""Those of a configuration that says nothing."""


def windows_of_facts(connection: Connection) -> Windows | None:
    """The windows the stored facts were worked out with; None before the first refresh."""
    row = connection.execute(
        text("SELECT consult_window, answer_window FROM fact_refresh ORDER BY id DESC LIMIT 1")
    ).first()
    return None if row is None else Windows(row[0] * _MICROSECOND, row[1] * _MICROSECOND)
