"""Whether files are the ones that were read before: by content, and without reading where that is safe."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crmsync.sdk import TransientError

# A file written again within the clock tick of its last change keeps its times; so the times of a
# file that has only just changed prove nothing.
_SETTLED_NS = 2_000_000_000


def _stat(path: Path) -> list[int]:
    """Any write, rename or restore changes one of these: the change time cannot be set by hand."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def fingerprint(paths: Iterable[Path], before: Mapping[str, Any]) -> dict[str, Any]:
    """Path → its hash and what `stat` says. A file that `before` knows untouched is not read.

    Raises TransientError when a file cannot be read.
    """
    prints: dict[str, Any] = {}
    for path in paths:
        stat = _stat(path)
        known = before.get(str(path))
        if known and known["stat"] == stat:
            prints[str(path)] = known
            continue
        try:
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise TransientError(
                f"{path.name} cannot be read ({error.strerror}).", fix="Check the rights of the file."
            ) from None
        settled = bool(stat) and time.time_ns() - stat[2] > _SETTLED_NS and _stat(path) == stat
        prints[str(path)] = {"hash": digest, "stat": stat if settled else None}
    return prints


def same_content(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both are prints of the same files with the same bytes."""
    return {p: f["hash"] for p, f in one.items()} == {p: f["hash"] for p, f in other.items()}


def stats(paths: Iterable[Path]) -> dict[str, list[int]]:
    """What `stat` says now, to notice a file that changes, or goes, while it is read."""
    return {str(path): _stat(path) for path in paths}
