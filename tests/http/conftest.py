"""Sessions, and servers for them to meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faulty_server import RawServer
from session_opener import Http


@pytest.fixture
def http() -> Iterator[Http]:
    opener = Http()
    yield opener
    for session in opener.opened:
        session.close()


@pytest.fixture
def raw() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()
