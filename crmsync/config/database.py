"""The database URL of a configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from crmsync.config.problem import refused

_URL = re.compile(r"^(?:sqlite(?:\+\w+)?://(?:/.*)?|postgresql(?:\+\w+)?://.*)$")
_SQLITE_FILE = re.compile(r"^(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:)([^?]+)(.*)$")
_PASSWORD = re.compile(r"^\w+(?:\+\w+)?://[^/@:]*:([^@]+)@")


def check_database(url: str) -> str:
    """The URL itself. Raises pydantic's custom error when it is not of a database crmsync knows."""
    if not _URL.match(url):
        raise refused(
            "this is no database URL.",
            "Use sqlite:///crmsync.db, or postgresql://user:${env:PGPASSWORD}@host/database.",
        )
    return url


Database = Annotated[str, AfterValidator(check_database)]


def absolute_database(url: str, folder: Path) -> str:
    """The URL with the path of a SQLite file made absolute: relative ones start from `folder`."""
    match = _SQLITE_FILE.match(url)
    return f"{match[1]}{folder / match[2]}{match[3]}" if match else url


def password_in(url: str) -> str | None:
    """The password the URL holds, if any."""
    match = _PASSWORD.match(url)
    return match[1] if match else None
