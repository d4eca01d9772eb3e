from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from crmsync.plugins import PluginHost, PluginInfo, load_plugins

HEAD = "from crmsync.sdk import hookimpl\n"
"""One line before the text of each drop-in, so line 1 of the text is line 2 of the file."""


@pytest.fixture(autouse=True)
def _modules_of_plugins() -> Iterator[None]:
    """What a test imports is gone after it."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("crmsync_dropin_", "outside")):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of drop-ins."""
    folder = tmp_path / "drop-ins"
    folder.mkdir()
    return folder


@pytest.fixture
def drop_in(folder: Path) -> Callable[..., Path]:
    """Write a drop-in, beginning with the import of `hookimpl`."""

    def write(name: str, text: str) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(HEAD + dedent(text).lstrip("\n"), "utf-8")
        return file

    return write


@pytest.fixture
def load(folder: Path) -> Callable[..., PluginHost]:
    """Load the drop-ins, with whatever is installed."""
    return lambda *disabled: load_plugins([folder], disabled)


@pytest.fixture
def loaded(drop_in: Callable[..., Path], load: Callable[..., PluginHost]) -> Callable[[str], PluginInfo]:
    """How a single drop-in of this text fares."""

    def fare(text: str) -> PluginInfo:
        drop_in("mine.py", text)
        return next(info for info in load().plugins if info.name == "mine")

    return fare


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a distribution of one module with an entry point, the way pip leaves it on the path."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(module: str, text: str, *, entry: str = "", name: str = "") -> Path:
        file = site / f"{module}.py"
        file.write_text(HEAD + dedent(text).lstrip("\n"), "utf-8")
        metadata = site / f"{module}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(f"[crmsync]\n{name or module} = {entry or module}\n")
        return file

    return install
