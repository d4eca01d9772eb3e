from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from typing import Any

import pytest
from channel_context import context, message
from crmsync_email.channel import EmailChannel
from crmsync_email.settings import EmailSettings
from pydantic import ValidationError
from smtp_server import Mailbox, SmtpServer

from crmsync.sdk import AuthError, PermanentError, TransientError, Unconfirmed

KEY = "0123456789abcdef"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    yield server
    server.stop()


@pytest.fixture
def box(server: SmtpServer) -> Mailbox:
    return server.box


@pytest.fixture
def channel(server: SmtpServer) -> Iterator[EmailChannel]:
    yield from opened(server)


def opened(server: SmtpServer, **settings: Any) -> Iterator[EmailChannel]:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "tls": "none",
        "sender": "care@shop.example",
        "timeout": "5s",
    }
    channel = EmailChannel(EmailSettings(**given | settings), context())
    yield channel
    channel.close()


def parsed(mail: bytes) -> Any:
    return email.message_from_bytes(mail, policy=email.policy.default)


def test_a_mail_arrives_as_it_was_written(channel: EmailChannel, box: Mailbox) -> None:
    receipt = channel.send(message(), KEY)
    mail = parsed(box.mails[0])
    assert receipt.reference == mail["Message-ID"] == f"<{KEY}@shop.example>"
    assert mail["Subject"] == "好久不见 hello"
    assert mail["To"].addresses[0].display_name == "Lin 林"
    assert mail.get_content().replace("\r\n", "\n") == "First line.\n.dot\n\n再见\n"
    assert box.mails[0].isascii()


def test_settings_appear_in_the_headers(server: SmtpServer) -> None:
    (channel,) = opened(
        server,
        sender_name="茶馆",
        reply_to="answers@shop.example",
        unsubscribe="https://shop.example/out?x=1",
        username="care",
        password="secret",
    )
    channel.send(message(), KEY)
    channel.close()
    mail = parsed(server.box.mails[0])
    assert mail["From"].addresses[0].display_name == "茶馆"
    assert mail["Reply-To"] == "answers@shop.example"
    assert mail["List-Unsubscribe"] == "<https://shop.example/out?x=1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert any(command.startswith("AUTH") for command in server.box.commands)


@pytest.mark.parametrize(
    ("configured", "told", "one_click"),
    [
        (None, "<https://shop.example/u/t1>", "List-Unsubscribe=One-Click"),
        (
            "mailto:out@shop.example",
            "<https://shop.example/u/t1>, <mailto:out@shop.example>",
            "List-Unsubscribe=One-Click",
        ),
    ],
)
def test_a_readers_own_link_comes_first(
    server: SmtpServer, configured: str | None, told: str, one_click: str
) -> None:
    (channel,) = opened(server, unsubscribe=configured)
    channel.send(message(unsubscribe_url="https://shop.example/u/t1"), KEY)
    channel.close()
    mail = parsed(server.box.mails[0])
    assert (mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"]) == (told, one_click)


def test_mail_alone_is_no_one_click(server: SmtpServer) -> None:
    (channel,) = opened(server, unsubscribe="mailto:out@shop.example")
    channel.send(message(), KEY)
    channel.close()
    mail = parsed(server.box.mails[0])
    assert mail["List-Unsubscribe"] == "<mailto:out@shop.example>"
    assert mail["List-Unsubscribe-Post"] is None


def test_one_connection_serves_many_mails_and_is_made_anew_when_it_is_gone(
    channel: EmailChannel, box: Mailbox
) -> None:
    channel.send(message(), "a")
    channel.send(message(), "b")
    assert box.connections == 1
    box.answers["NOOP"] = None
    channel.send(message(), "c")
    assert (box.connections, len(box.mails)) == (2, 3)


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"GREETING": "554 no"}, TransientError),
        ({"GREETING": None}, TransientError),
        ({"MAIL": "451 later"}, TransientError),
        ({"MAIL": "553 not you"}, AuthError),
        ({"MAIL": None}, TransientError),
        ({"RCPT": "450 greylisted"}, TransientError),
        ({"RCPT": "550 nobody here"}, PermanentError),
        ({"RCPT": "530 log in first"}, AuthError),
        ({"RCPT": None}, TransientError),
        ({"DATA": "421 closing"}, TransientError),
        ({"DATA": "554 no"}, PermanentError),
        ({"DATA": None}, TransientError),
        ({"DELIVERED": "452 full"}, TransientError),
        ({"DELIVERED": "554 spam"}, PermanentError),
        ({"DELIVERED": None}, Unconfirmed),
        ({"DELIVERED": "garbage"}, Unconfirmed),
    ],
    ids=str,
)
def test_each_answer_says_what_to_do_next(
    channel: EmailChannel, box: Mailbox, answers: dict[str, str | None], error: type[Exception]
) -> None:
    box.answers = answers
    with pytest.raises(error) as raised:
        channel.send(message(), KEY)
    assert "lin@example.com" not in str(raised.value)
    box.answers = {}
    channel.send(message(), "after")
    assert parsed(box.mails[-1])["Message-ID"] == "<after@shop.example>"


@pytest.mark.parametrize(
    ("settings", "answers", "error"),
    [
        ({"username": "a", "password": "b"}, {"AUTH": "535 wrong"}, AuthError),
        ({"username": "a", "password": "b"}, {"AUTH": "454 later"}, TransientError),
        ({"tls": "starttls"}, {}, AuthError),
    ],
)
def test_a_login_that_fails_leaves_the_channel_alone(
    server: SmtpServer, settings: dict[str, Any], answers: dict[str, str | None], error: type[Exception]
) -> None:
    server.box.answers = answers
    for channel in opened(server, **settings):
        with pytest.raises(error):
            channel.send(message(), KEY)
    assert server.box.mails == []


def test_a_server_that_is_not_there_is_tried_again(server: SmtpServer) -> None:
    for channel in opened(server, port=1):
        with pytest.raises(TransientError):
            channel.send(message(), KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "a\r\nBcc: victim@example.com"},
        {"name": "a\r\nBcc: victim@example.com"},
        {"name": '"><a> \x00\u2028b, victim@example.com'},
        {"language": "zh\r\nBcc: victim@example.com"},
    ],
)
def test_a_customers_words_cannot_become_headers(
    channel: EmailChannel, box: Mailbox, changes: dict[str, str]
) -> None:
    channel.send(message(**changes), KEY)
    mail = parsed(box.mails[0])
    assert mail["Bcc"] is None
    assert [a.addr_spec for a in mail["To"].addresses] == ["lin@example.com"]
    assert [c for c in box.commands if c.startswith("rcpt")] == ["rcpt TO:<lin@example.com>"]


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "a",
        "a@b",
        "a b@example.com",
        "a@example.com, b@example.com",
        "a@example.com\r\nX: 1",
        "<a@b.c>",
    ],
)
def test_what_is_no_address_is_not_written_to(channel: EmailChannel, address: str | None) -> None:
    assert channel.reaches(message(email=address)) is not None
    assert channel.reaches(message()) is None


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"host": "mail.example.com", "tls": "none"}, "only for a server on this machine"),
        ({"sender": "care"}, "plain e-mail address"),
        ({"sender_name": "a\nb"}, "one line"),
        ({"unsubscribe": "http://shop.example"}, "https:// or mailto:"),
        ({"username": "a"}, "belong together"),
        ({"host": "mail.example.com", "hots": "x"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], word: str) -> None:
    given = {"host": "127.0.0.1", "sender": "care@shop.example"}
    with pytest.raises(ValidationError, match=word):
        EmailSettings(**given | settings)


def test_a_password_is_not_shown() -> None:
    settings = EmailSettings(host="h.example", sender="a@b.example", username="a", password="hush-hush")  # type: ignore[arg-type]
    assert "hush-hush" not in repr(settings)
