"""A folder to write exports into."""

from __future__ import annotations

from pathlib import Path

import pytest
from files_case import Exports


@pytest.fixture
def exports(tmp_path: Path) -> Exports:
    return Exports(tmp_path)
