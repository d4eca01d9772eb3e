"""What is known of a plugin, whether or not it could be loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["loaded", "disabled", "incompatible", "failed"]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin found.

    `origin` is a distribution with its entry point, or the path of a drop-in. `reason` says why a
    plugin is not loaded; a failed one's begins with the file and line of the fault.
    """

    name: str
    version: str
    origin: str
    hooks: tuple[str, ...] = ()
    status: Status = "loaded"
    reason: str = ""
