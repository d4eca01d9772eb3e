from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from crmsync.sdk import Duration, Rate, Settings, Share


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("90d", timedelta(days=90)),
        ("2w", timedelta(weeks=2)),
    ],
)
def test_durations_read_as_they_are_written(text: str, span: timedelta) -> None:
    assert TypeAdapter(Duration).validate_python(text) == span


@pytest.mark.parametrize("text", ["5", "5 m", "m5", "five minutes", "", 5, None, "5m3"])
def test_a_duration_needs_its_unit(text: Any) -> None:
    with pytest.raises(ValidationError, match="number with a unit"):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize(("text", "share"), [("8%", 0.08), ("0%", 0), ("100%", 1), (0.08, 0.08), (1, 1)])
def test_shares_are_percentages_or_fractions(text: Any, share: float) -> None:
    assert TypeAdapter(Share).validate_python(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["8", "108%", "-1%", "x%", 8, -0.1, True, None])
def test_what_is_no_share(text: Any) -> None:
    with pytest.raises(ValidationError, match="a share is"):
        TypeAdapter(Share).validate_python(text)


def test_rates() -> None:
    assert Rate.parse("2/s").interval == 0.5
    assert Rate.parse("40/m") == Rate(40, 60)
    assert str(Rate.parse("1000/h")) == "1000/h"
    for text in ("2", "0/s", "2/year", 2, None):
        with pytest.raises(ValueError, match="a rate is"):
            Rate.parse(text)


def test_unknown_settings_are_refused() -> None:
    class Mine(Settings):
        a: int = 1

    with pytest.raises(ValidationError, match="Extra inputs"):
        Mine.model_validate({"b": 2})
