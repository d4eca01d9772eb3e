"""Writes the package of a new plugin: one that installs, loads and passes its own tests as it stands."""

from __future__ import annotations

import keyword
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from crmsync.sdk import UsageError

Kind = Literal["connector", "rule", "channel"]

_NAME = re.compile(r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")
_TITLE = re.compile(r"""^[^\s"'\\@](?:[^"'\\@\r\n]{0,58}[^\s"'\\@])?$""")
_SUFFIX = ".tmpl"


def write_plugin(kind: Kind, name: str, folder: Path, title: str | None = None) -> list[Path]:
    """Write `crmsync-<name>` into the folder; every file written.

    `title`: what people call it, where the name in capitals is not it: BigCommerce.
    Raises UsageError for a name that no package can have, for a title that is none, and when there is
    something already.
    """
    if not _NAME.match(name) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} is no name for a plugin.", fix="Write a-z, 0-9 and single _, such as my_shop."
        )
    if title is not None and not _TITLE.match(title):
        raise UsageError(
            f"{title!r} is no title for a plugin.", fix="Write it on one line, without quotes and \\."
        )
    root = folder / f"crmsync-{name.replace('_', '-')}"
    try:
        root.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"{root} exists.", fix="Choose another name or --dir.") from None
    except OSError as error:
        raise UsageError(f"{root} cannot be made: {error.strerror}.", fix="Choose another --dir.") from None
    words = _words(name, title)
    written: list[Path] = []
    _write(resources.files("crmsync.plugins") / "templates" / kind, root, words, written)
    return sorted(written)


def _words(name: str, title: str | None) -> dict[str, str]:
    parts = name.split("_")
    return {
        "@name@": name,
        "@dashed@": "-".join(parts),
        "@NAME@": name.upper(),
        "@Class@": "".join(part.capitalize() for part in parts),
        "@title@": title or " ".join(part.capitalize() for part in parts),
    }


def _write(template: Traversable, target: Path, words: dict[str, str], written: list[Path]) -> None:
    for entry in template.iterdir():
        path = target / _filled(entry.name, words).removesuffix(_SUFFIX)
        if entry.is_dir():
            path.mkdir()
            _write(entry, path, words, written)
        elif entry.name.endswith(_SUFFIX):
            path.write_text(_filled(entry.read_text("utf-8"), words), "utf-8")
            written.append(path)


def _filled(text: str, words: dict[str, str]) -> str:
    for word, filling in words.items():
        text = text.replace(word, filling)
    return text
