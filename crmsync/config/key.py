"""Keys: secrets of which the present one makes what is new, and earlier ones still recognise theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from crmsync.config.problem import refused

_SHORTEST = 32


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < _SHORTEST:
        raise refused(
            f"this key has fewer than {_SHORTEST} characters.", "Make one with: openssl rand -hex 32."
        )
    return key


SecretKey = Annotated[SecretStr, AfterValidator(_long_enough)]


def secrets_of(present: SecretStr | None, old: Sequence[SecretStr]) -> list[str]:
    """Every configured key, the present one first."""
    keys = [present] if present is not None else []
    return [key.get_secret_value() for key in (*keys, *old)]
