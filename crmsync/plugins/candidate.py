"""Where plugins are found: entry points of installed distributions, and drop-in folders."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from crmsync.plugins.fault import PluginFault

GROUP = "crmsync"
_PRIVATE = "crmsync_dropin_"
_log = logging.getLogger("crmsync.plugins")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plugin that was found and not touched yet.

    `load` imports it and returns the object it names. `forget` takes back what `load` left in
    `sys.modules`. `root` is the file of the plugin, where it can be known without importing it.
    """

    name: str
    version: str
    origin: str
    load: Callable[[], object]
    forget: Callable[[], None]
    root: Callable[[], Path | None]


def candidates(plugin_dirs: Iterable[Path]) -> list[Candidate]:
    """Every plugin there is, in the order of their names."""
    found = [_installed(entry) for entry in entry_points(group=GROUP)]
    for folder in dict.fromkeys(Path(os.path.realpath(folder)) for folder in plugin_dirs):
        found.extend(_drop_in(file) for file in _drop_in_files(folder))
    return sorted(found, key=lambda candidate: (candidate.name, candidate.origin))


def _installed(entry: EntryPoint) -> Candidate:
    name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("?", "")
    origin = f"{name} {version} ({entry.name} = {entry.value})"
    return Candidate(entry.name, version, origin, entry.load, lambda: None, lambda: _source(entry))


def _source(entry: EntryPoint) -> Path | None:
    """The file an entry point names. Looking for it runs the packages around it, which may fail again."""
    try:
        spec = importlib.util.find_spec(entry.module)
    except (Exception, SystemExit):
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _drop_in_files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        reason = error.strerror or "unreadable"
        _log.warning(
            "No plugins from %s: %s", folder, reason, extra={"action": "plugin_dir_skipped", "reason": reason}
        )
        return
    for entry in entries:
        if entry.name.startswith((".", "_")):
            continue
        if entry.suffix == ".py" and entry.is_file():
            yield entry
        elif (entry / "__init__.py").is_file():
            yield entry / "__init__.py"


def _drop_in(file: Path) -> Candidate:
    name = file.parent.name if file.name == "__init__.py" else file.stem
    module = _PRIVATE + re.sub(r"\W", lambda match: f"_{ord(match[0]):x}_", name)

    def load() -> ModuleType:
        if module in sys.modules:
            forget()
        package = [str(file.parent)] if file.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(module, file, submodule_search_locations=package)
        if spec is None or spec.loader is None:
            raise PluginFault("it is no Python module.", file=str(file))
        loaded = importlib.util.module_from_spec(spec)
        # Before it runs, so that its relative imports and dataclasses find it.
        sys.modules[module] = loaded
        spec.loader.exec_module(loaded)
        return loaded

    def forget() -> None:
        for known in [key for key in sys.modules if key == module or key.startswith(f"{module}.")]:
            del sys.modules[known]

    return Candidate(name, "", str(file), load, forget, lambda: file)
