"""The ids by which a platform knows customers of other connections, from a file."""

from __future__ import annotations

import csv
from pathlib import Path

from crmsync.sdk.errors import ConfigError
from crmsync.sdk.message import Recipient


class AddressBook:
    """A CSV file with the columns `connection`, `account_id` and one named after the id.

    It is read when it is first asked, and again when the file has changed. Without a file a customer's
    account id is that id.
    """

    def __init__(self, path: Path | None, column: str) -> None:
        self._path = path
        self._column = column
        self._read_at: int | None = None
        self._ids: dict[tuple[str, str], str] = {}

    def find(self, recipient: Recipient) -> str | None:
        """The id of this customer, or None. Raises ConfigError when the file cannot be used."""
        if self._path is None:
            return recipient.account_id
        try:
            changed = self._path.stat().st_mtime_ns
            if changed != self._read_at:
                self._ids = self._read(self._path)
                self._read_at = changed
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not text in UTF-8"
            raise ConfigError(f"The file {self._path.name} cannot be read: {why}.") from None
        return self._ids.get((recipient.connection, recipient.account_id))

    def _read(self, path: Path) -> dict[tuple[str, str], str]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = ("connection", "account_id", self._column)
            missing = [column for column in columns if column not in (rows.fieldnames or ())]
            if missing:
                raise ConfigError(f"The file {path.name} has no column {missing[0]}.")
            return {
                (row["connection"], row["account_id"]): row[self._column] for row in rows if row[self._column]
            }
