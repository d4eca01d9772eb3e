"""Where a demo leaves what it made: a configuration that works, and its database."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from crmsync.sdk import UsageError

CONFIG, DATABASE, SECRET = "crmsync.yaml", "crmsync.db", "shop-secret"
_TEMPLATE = Path(__file__).with_name(CONFIG)


def new_folder(wanted: Path | None) -> Path:
    """An empty folder of the demo's own: the one wanted, or the first free `crmsync-demo` here.

    Raises UsageError when the one wanted holds anything.
    """
    if wanted is None:
        names = (Path("crmsync-demo" if n == 1 else f"crmsync-demo-{n}") for n in count(1))
        wanted = next(name for name in names if not name.exists())
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if any(wanted.iterdir()):
            raise UsageError(f"The folder {wanted} is not empty.", fix="Name another with --dir.")
    except OSError as error:
        raise UsageError(f"The folder {wanted} cannot be used: {error.strerror}.", fix="Use --dir.") from None
    return wanted.absolute()


def write_config(folder: Path, url: str, secret: str, language: str) -> Path:
    """The demo's configuration for a shop at this address; the path of the file."""
    handle = os.open(folder / SECRET, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secret)
    text = _TEMPLATE.read_text("utf-8").replace("BASE_URL", url).replace("LANGUAGE", language)
    path = folder / CONFIG
    path.write_text(text, "utf-8")
    return path
