from __future__ import annotations

from datetime import time

import pytest
from pydantic_core import PydanticCustomError

from crmsync.config import QuietHours


def test_over_midnight() -> None:
    hours = QuietHours.parse("21:00-09:00")
    quiet = [time(21), time(23, 59), time(0), time(8, 59)]
    loud = [time(9), time(20, 59)]
    assert all(moment in hours for moment in quiet)
    assert not any(moment in hours for moment in loud)


def test_within_a_day() -> None:
    hours = QuietHours.parse(" 12:30 - 14:00 ")
    assert time(12, 30) in hours
    assert time(14) not in hours
    assert str(hours) == "12:30-14:00"


@pytest.mark.parametrize("text", ["", "21:00", "21-9", "21:00-21:00", "25:00-09:00", "21:00Z-09:00Z", None])
def test_refused(text: object) -> None:
    with pytest.raises(PydanticCustomError):
        QuietHours.parse(text)
