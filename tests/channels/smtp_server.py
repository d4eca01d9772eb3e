"""A mail server on loopback that answers as it is told, and keeps what it accepted."""

from __future__ import annotations

import socketserver
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class Mailbox:
    """`answers` replaces the answer to a command; `None` as an answer breaks the connection."""

    answers: dict[str, str | None] = field(default_factory=dict)
    mails: list[bytes] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    extensions: list[str] = field(default_factory=lambda: ["AUTH PLAIN LOGIN", "8BITMIME"])
    tls: ssl.SSLContext | None = None
    implicit: bool = False


class _Gone(Exception):
    pass


class _Talk(socketserver.StreamRequestHandler):
    server: SmtpServer
    encrypted = False

    def handle(self) -> None:
        self.box.connections += 1
        if self.box.tls is not None and self.box.implicit:
            try:
                self.encrypt(self.box.tls)
            except OSError:
                return
        try:
            self.answer("GREETING", "220 ready")
            while line := self.rfile.readline():
                self.command(line.decode().strip())
        except (_Gone, OSError):
            return

    @property
    def box(self) -> Mailbox:
        return self.server.box

    def encrypt(self, tls: ssl.SSLContext) -> None:
        self.connection = tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)
        self.encrypted = True

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def answer(self, verb: str, usual: str) -> bool:
        """Say the usual or what the test wants instead. Returns whether it was the usual."""
        given = self.box.answers.get(verb, usual)
        if given is None:
            raise _Gone
        self.wfile.write(given.encode() + b"\r\n")
        return given == usual

    def command(self, line: str) -> None:
        verb = line.split(":")[0].split(" ")[0].upper()
        self.box.commands.append(line)
        if verb == "EHLO":
            lines = ["here", *self.box.extensions]
            text = "".join(f"250-{part}\r\n" for part in lines[:-1]) + f"250 {lines[-1]}"
            self.answer("EHLO", text)
        elif verb == "DATA":
            if self.answer("DATA", "354 go on"):
                self.text()
        elif verb == "STARTTLS":
            if self.answer("STARTTLS", "220 go on") and self.box.tls is not None:
                self.encrypt(self.box.tls)
        elif self.box.tls is not None and not self.encrypted:
            self.answer(verb, "530 encrypt first")
        elif verb == "AUTH":
            self.answer("AUTH", "235 welcome")
        elif verb == "QUIT":
            self.answer("QUIT", "221 bye")
            raise _Gone
        else:
            self.answer(verb, "250 ok")

    def text(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        if "DELIVERED" not in self.box.answers or self.box.answers["DELIVERED"] is None:
            self.box.mails.append(b"".join(lines))
        self.answer("DELIVERED", "250 queued")


class SmtpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.box = Mailbox()
        super().__init__(("127.0.0.1", 0), _Talk)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()
