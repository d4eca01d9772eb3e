"""Reports of undelivered mail: which addresses they give up, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from channel_context import context, message
from crmsync_email.bounce import bounces_in
from crmsync_email.channel import EmailChannel
from crmsync_email.settings import EmailSettings
from imap_server import ImapServer
from pydantic import ValidationError
from smtp_server import SmtpServer

from crmsync.sdk import AuthError, Bounce, PermanentError, TransientError

REPORT = """\
From: MAILER-DAEMON@mx.example
To: care@shop.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The address lin@example.com does not exist.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 1 Jun 2026 04:00:00 +0000

{recipient}Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 unknown

--b
Content-Type: {original}

Message-ID: <{key}@{domain}>
Subject: hello

--b--
"""


def report(**changes: str) -> bytes:
    given = {
        "recipient": "Final-Recipient: rfc822; lin@example.com\n",
        "action": "failed",
        "status": "5.1.1",
        "original": "text/rfc822-headers",
        "key": "key-1",
        "domain": "shop.example",
    }
    return REPORT.format(**given | changes).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"original": "message/rfc822"},
        {"status": "5.2.1 (mailbox disabled)"},
        {"domain": "SHOP.example"},
        {
            "recipient": "Original-Recipient: rfc822;lin@example.com\n"
            "Final-Recipient: rfc822;elsewhere@other.example\n"
        },
    ],
)
def test_an_address_that_is_given_up(changes: dict[str, str]) -> None:
    (bounce,) = bounces_in(report(**changes), "shop.example")
    assert (bounce.key, bounce.address) == ("key-1", "lin@example.com")
    assert "lin@" not in repr(bounce)


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "delayed"},
        {"status": "4.1.1"},
        {"status": "5.2.2"},
        {"status": "5.7.1"},
        {"status": "5.1.15"},
        {"domain": "other.example"},
        {"recipient": ""},
    ],
)
def test_what_is_no_verdict_on_an_address(changes: dict[str, str]) -> None:
    assert list(bounces_in(report(**changes), "shop.example")) == []


@pytest.mark.parametrize(
    "mail", [b"", b"\xff\x00", b"Content-Type: multipart/report; boundary=b\n\n--b\n\nx"]
)
def test_what_is_no_report_says_nothing(mail: bytes) -> None:
    assert list(bounces_in(mail, "shop.example")) == []


def channel(**settings: Any) -> EmailChannel:
    given = {"host": "127.0.0.1", "tls": "none", "sender": "care@shop.example"}
    return EmailChannel(EmailSettings(**given | settings), context())


def addresses(channel: EmailChannel) -> list[str]:
    return [bounce.key for bounce in channel.bounces()]


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_reports_in_a_maildir_are_read_once(maildir: Path) -> None:
    (maildir / "new" / "1.a").write_bytes(report())
    (maildir / "new" / "2.a").write_bytes(b"Subject: a question\n\nhello")
    mail = channel(bounces={"kind": "maildir", "path": maildir})
    assert addresses(mail) == ["key-1"]
    assert sorted(file.name for file in (maildir / "cur").iterdir()) == ["1.a:2,S", "2.a:2,S"]
    (maildir / "new" / "3.a").write_bytes(report(key="key-3"))
    assert addresses(mail) == []
    mail.clock.advance(timedelta(minutes=5))  # type: ignore[attr-defined]
    assert addresses(mail) == ["key-3"]


def test_a_report_that_was_not_dealt_with_comes_again(maildir: Path) -> None:
    (maildir / "new" / "1.a").write_bytes(report())
    settings = {"kind": "maildir", "path": maildir}
    assert next(channel(bounces=settings).bounces()).key == "key-1"
    assert addresses(channel(bounces=settings)) == ["key-1"]


def test_a_maildir_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="cannot be read"):
        addresses(channel(bounces={"kind": "maildir", "path": tmp_path / "none"}))


@pytest.fixture
def imap() -> Iterator[ImapServer]:
    server = ImapServer()
    yield server
    server.stop()


def by_imap(imap: ImapServer, **settings: Any) -> EmailChannel:
    given = {"kind": "imap", "host": "127.0.0.1", "port": imap.port, "username": "care", "password": "hush"}
    return channel(bounces={**given, "timeout": "5s", **settings})


def test_reports_are_read_by_imap_and_other_mail_is_left_alone(imap: ImapServer) -> None:
    imap.folder.mails = [b"Subject: a question\n\nhello", report(), report(key="key-3")]
    assert addresses(by_imap(imap, tls="none")) == ["key-1", "key-3"]
    assert imap.folder.seen == {2, 3}
    assert addresses(by_imap(imap, tls="none")) == []


def test_imap_over_tls(imap: ImapServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    imap.folder.tls, imap.folder.mails = authority.server(), [report()]
    with pytest.raises(AuthError, match="no valid certificate"):
        addresses(by_imap(imap))
    assert addresses(by_imap(imap, ca_file=authority.file)) == ["key-1"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"password": "wrong"}, AuthError),
        ({"folder": "Reports"}, AuthError),
        ({"port": 1}, TransientError),
    ],
)
def test_a_mailbox_that_cannot_be_read(
    imap: ImapServer, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as raised:
        addresses(by_imap(imap, tls="none", **change))
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("verb", ["SEARCH", "FETCH", "STORE"])
def test_a_connection_that_breaks_loses_no_report(imap: ImapServer, verb: str) -> None:
    imap.folder.mails, imap.folder.breaks_at = [report()], verb
    with pytest.raises(TransientError):
        addresses(by_imap(imap, tls="none"))
    imap.folder.breaks_at = None
    assert addresses(by_imap(imap, tls="none")) == ["key-1"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [("550 5.1.1 no such user", ["key-1"]), ("550 5.7.1 not from you", []), ("550 nobody here", [])],
)
def test_what_the_server_itself_refuses_for_good(answer: str, told: list[str]) -> None:
    server = SmtpServer()
    server.box.answers["RCPT"] = answer
    mail = channel(port=server.port)
    with pytest.raises(PermanentError):
        mail.send(message(), "key-1")
    assert list(mail.bounces()) == [
        Bounce(key, "lin@example.com", "the mail server refused it: 5.1.1") for key in told
    ]
    assert list(mail.bounces()) == []
    mail.close()
    server.stop()


@pytest.mark.parametrize(
    "settings",
    [{"kind": "imap", "host": "m.example", "username": "a", "password": "b", "tls": "none"}, {"kind": "pop"}],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        channel(bounces=settings)
