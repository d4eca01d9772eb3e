"""IANA time zones, checked when they are read and not when a message is due."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from crmsync.config.problem import refused


def check_zone(name: str) -> str:
    """The name itself. Raises pydantic's custom error when no zone has it."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        # China's zone is named after its largest city, not its capital.
        meant = {**{zone: zone for zone in available_timezones()}, "Asia/Beijing": "Asia/Shanghai"}
        near = get_close_matches(name, meant, 1)
        fix = f"Did you mean {meant[near[0]]}?" if near else "Use an IANA name such as Asia/Shanghai."
        raise refused("no time zone has this name.", fix) from None
    return name


Zone = Annotated[str, AfterValidator(check_zone), Field(examples=["Asia/Shanghai"])]
