"""The good connector: the scaffold's own, written and imported once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from types import ModuleType

import hostile
import pytest

from crmsync.plugins.scaffold import write_plugin

CALLS = """
import socket

try:
    socket.create_connection(("127.0.0.1", 9), timeout=0.1)
except OSError:
    pass
"""


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The module `conformance` of a connector as `crmsync plugins new` writes it."""
    folder = tmp_path_factory.mktemp("scaffold")
    write_plugin("connector", "good_one", folder)
    sys.path.insert(0, str(folder / "crmsync-good-one"))
    before = set(sys.modules)
    bare = folder / "bare"
    hostile.module("bare_connector", bare, "")
    hostile.module("calling_connector", folder / "calling", CALLS)
    (folder / "calling" / "README.md").write_text("Calls when it is imported. " * 5, "utf-8")
    hostile.module("boasting_connector", folder / "boasting", "")
    readme = (folder / "crmsync-good-one" / "crmsync_good_one" / "README.md").read_text("utf-8")
    (folder / "boasting" / "README.md").write_text(readme.replace("Streams:", "Streams: refunds,"), "utf-8")
    yield importlib.import_module("crmsync_good_one.conformance")
    sys.path.remove(str(folder / "crmsync-good-one"))
    for name in set(sys.modules) - before:
        if name.startswith(("crmsync_good_one", "bare_", "calling_", "boasting_")):
            del sys.modules[name]
