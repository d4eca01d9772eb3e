"""A folder to write exports into, and an API to be asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from files_case import Exports
from pytest_httpserver import HTTPServer
from rest_case import Api


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)


@pytest.fixture
def api(httpserver: HTTPServer) -> Api:
    return Api(httpserver)
