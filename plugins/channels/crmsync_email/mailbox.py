"""Where reports of undelivered mail arrive: a Maildir, or a mailbox read by IMAP."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from crmsync.sdk import AuthError, TransientError
from crmsync_email.bounce import MAX_BYTES
from crmsync_email.settings import ImapSettings, MaildirSettings

AT_ONCE = 500
"""Mails looked at in one go."""


def mails(settings: MaildirSettings | ImapSettings) -> Iterator[bytes]:
    """The new mails; each is marked as read when the next is asked for."""
    return _in_maildir(settings.path) if isinstance(settings, MaildirSettings) else _by_imap(settings)


def _in_maildir(path: Path) -> Iterator[bytes]:
    try:
        for file in sorted((path / "new").iterdir())[:AT_ONCE]:
            with file.open("rb") as mail:
                content = mail.read(MAX_BYTES)
            yield content
            file.rename(path / "cur" / f"{file.name}:2,S")
    except OSError as error:
        raise TransientError(f"The Maildir {path.name} cannot be read: {error.strerror}.") from None


def _by_imap(settings: ImapSettings) -> Iterator[bytes]:
    where = f"The mailbox at {settings.host}:{settings.port}"
    try:
        box = _opened(settings)
    except ssl.SSLCertVerificationError as error:
        raise AuthError(
            f"{where} has no valid certificate: {error.verify_message}.", fix="Set ca_file if it has its own."
        ) from None
    except imaplib.IMAP4.error:
        raise AuthError(f"{where} refused the login.", fix="Check the login of bounces.") from None
    except OSError as error:
        raise TransientError(f"{where} cannot be reached: {error.strerror or 'no answer'}.") from None
    try:
        yield from _unseen(box, settings.folder)
    except (imaplib.IMAP4.error, OSError):
        raise TransientError(f"{where} ended the connection.") from None
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            box.logout()
        with suppress(OSError):
            box.shutdown()


def _opened(settings: ImapSettings) -> imaplib.IMAP4:
    timeout = settings.timeout.total_seconds()
    if settings.tls == "tls":
        context = ssl.create_default_context(cafile=settings.ca_file)
        box: imaplib.IMAP4 = imaplib.IMAP4_SSL(
            settings.host, settings.port, ssl_context=context, timeout=timeout
        )
    else:
        box = imaplib.IMAP4(settings.host, settings.port, timeout=timeout)
    try:
        box.login(settings.username, settings.password.get_secret_value())
    except BaseException:
        box.shutdown()
        raise
    return box


def _unseen(box: imaplib.IMAP4, folder: str) -> Iterator[bytes]:
    """Reports alone: a person who reads the same mailbox finds everything else as it was."""
    if box.select(f'"{folder}"')[0] != "OK":
        raise AuthError(f"The mailbox has no folder {folder}.", fix="Set folder of bounces.")
    _, (found,) = box.uid("SEARCH", "UNSEEN", "HEADER", "Content-Type", "multipart/report")
    for uid in (found or b"").split()[:AT_ONCE]:
        _, answer = box.uid("FETCH", uid.decode(), f"(BODY.PEEK[]<0.{MAX_BYTES}>)")
        yield b"".join(part[1] for part in answer if isinstance(part, tuple))
        box.uid("STORE", uid.decode(), "+FLAGS", r"(\Seen)")
