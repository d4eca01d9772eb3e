"""Mail goes out over TLS to a server whose certificate is in order, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from authority import Authority
from channel_context import context, message
from crmsync_email.channel import EmailChannel
from crmsync_email.settings import EmailSettings
from smtp_server import SmtpServer

from crmsync.sdk import AuthError


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    server = SmtpServer()
    server.box.extensions.append("STARTTLS")
    yield server
    server.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(params=["tls", "starttls"])
def tls(request: pytest.FixtureRequest, server: SmtpServer) -> str:
    server.box.implicit = request.param == "tls"
    return str(request.param)


def channel_to(server: SmtpServer, **settings: Any) -> EmailChannel:
    given = {"host": "127.0.0.1", "port": server.port, "sender": "care@shop.example", "timeout": "5s"}
    login = {"username": "care", "password": "hush"}
    return EmailChannel(EmailSettings(**given | login | settings), context())


def test_a_server_its_authority_vouches_for(server: SmtpServer, authority: Authority, tls: str) -> None:
    server.box.tls = authority.server()
    channel = channel_to(server, tls=tls, ca_file=authority.file)
    channel.send(message(), "k")
    channel.send(message(), "l")
    channel.close()
    assert (len(server.box.mails), server.box.connections) == (2, 1)
    assert any(command.startswith("AUTH") for command in server.box.commands)


@pytest.mark.parametrize(
    ("host", "days", "trusted", "why"),
    [
        ("127.0.0.1", 9, False, "self-signed"),
        ("127.0.0.1", 1, True, "expired"),
        ("127.0.0.2", 9, True, "mismatch"),
    ],
)
def test_any_other_server_gets_neither_password_nor_mail(
    server: SmtpServer,
    authority: Authority,
    tmp_path: Path,
    tls: str,
    host: str,
    days: int,
    trusted: bool,
    why: str,
) -> None:
    server.box.tls = authority.server(host, timedelta(days=days))
    trusts = authority if trusted else Authority(tmp_path, "another")
    channel = channel_to(server, tls=tls, ca_file=trusts.file)
    with pytest.raises(AuthError, match="no valid certificate") as raised:
        channel.send(message(), "k")
    assert why in str(raised.value) or not trusted
    assert server.box.mails == []
    assert not any(command.startswith(("AUTH", "mail")) for command in server.box.commands)


def test_usual_certificates_are_those_of_the_machine(
    server: SmtpServer, authority: Authority, tls: str
) -> None:
    server.box.tls = authority.server()
    with pytest.raises(AuthError, match="no valid certificate"):
        channel_to(server, tls=tls).send(message(), "k")


def test_a_server_that_hides_starttls_gets_nothing(server: SmtpServer, authority: Authority) -> None:
    server.box.extensions.remove("STARTTLS")
    with pytest.raises(AuthError, match="offers no STARTTLS"):
        channel_to(server, tls="starttls", ca_file=authority.file).send(message(), "k")
    assert not any(command.startswith(("AUTH", "mail")) for command in server.box.commands)
