"""The channel that adds each message to a JSON Lines file."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from crmsync.sdk import (
    Channel,
    Context,
    Notice,
    OutgoingMessage,
    Receipt,
    TeamChannel,
    TransientError,
    Unconfirmed,
)
from crmsync_file.settings import FileSettings


class FileChannel(Channel[FileSettings], TeamChannel[FileSettings]):
    """A message is delivered once its line is on the disk; the file itself tells which ones are."""

    name = "file"
    title = "A file of JSON lines"
    Settings = FileSettings
    medium = "any"
    idempotency = "lookup"

    def __init__(self, settings: FileSettings, context: Context) -> None:
        super().__init__(settings, context)
        self.medium = settings.medium

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        return self._add(self._payload(message, key, now), key, now)

    def notify(self, notice: Notice, key: str) -> Receipt:
        payload = {"key": key, "at": notice.at.isoformat(), "alert": notice.alert, "state": notice.state}
        return self._add(payload | {"title": notice.title, "text": notice.text}, key, notice.at)

    def _add(self, payload: dict[str, Any], key: str, now: datetime) -> Receipt:
        line = json.dumps(payload, ensure_ascii=False).encode() + b"\n"
        try:
            file = os.open(self.settings.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise TransientError(
                f"The file {self.settings.path.name} cannot be opened: {error.strerror}."
            ) from None
        try:
            _append(file, line)
        except OSError as error:
            raise Unconfirmed(
                f"The file {self.settings.path.name} cannot be written: {error.strerror}."
            ) from None
        finally:
            os.close(file)
        return Receipt(reference=key, at=now)

    def lookup(self, message: OutgoingMessage, key: str) -> Receipt | None:
        """Reads the file: a line that a crash cut off is no delivery."""
        try:
            with self.settings.path.open("rb") as file:
                for line in file:
                    # Looking for the text first spares the parsing of every other line.
                    if key.encode() in line and (found := _parsed(line)) and found.get("key") == key:
                        return Receipt(reference=key, at=datetime.fromisoformat(found["at"]), repeated=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TransientError(
                f"The file {self.settings.path.name} cannot be read: {error.strerror}."
            ) from None
        return None

    def _payload(self, message: OutgoingMessage, key: str, now: datetime) -> dict[str, Any]:
        recipient = message.recipient
        payload: dict[str, Any] = {
            "key": key,
            "at": now.isoformat(),
            "campaign": message.campaign,
            "purpose": message.purpose,
            "connection": recipient.connection,
            "account_id": recipient.account_id,
            "language": message.language,
            "subject": message.subject,
            "body": message.body,
            "order_id": message.order_id,
        }
        if self.settings.contact:
            payload |= {"name": recipient.name, "email": recipient.email, "phone": recipient.phone}
        return payload


def _append(file: int, line: bytes) -> None:
    """Add the line and see it onto the disk; a line that a crash cut off before it is ended first."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        line = b"\n" + line
    while line:
        line = line[os.write(file, line) :]
    os.fsync(file)


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
