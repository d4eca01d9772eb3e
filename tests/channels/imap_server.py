"""An IMAP server on loopback with one folder, as much of RFC 3501 as reading reports takes."""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class Folder:
    mails: list[bytes] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    password: str = "hush"
    tls: ssl.SSLContext | None = None
    breaks_at: str | None = None


class _Talk(socketserver.StreamRequestHandler):
    server: ImapServer

    def handle(self) -> None:
        folder = self.server.folder
        if folder.tls is not None:
            try:
                self.connection = folder.tls.wrap_socket(self.request, server_side=True)
            except OSError:
                return
            self.rfile = self.connection.makefile("rb")
            self.wfile = self.connection.makefile("wb", 0)
        self.say("* OK ready")
        while line := self.rfile.readline():
            tag, _, command = line.decode().strip().partition(" ")
            verb = command.upper().removeprefix("UID ").split(" ")[0]
            if verb == folder.breaks_at:
                return
            if verb == "LOGIN" and f'"{folder.password}"' not in command:
                self.say(f"{tag} NO wrong")
                continue
            if verb == "SELECT" and '"INBOX"' not in command:
                self.say(f"{tag} NO no such folder")
                continue
            getattr(self, f"do_{verb.lower()}", lambda command: None)(command)
            self.say(f"{tag} OK done")
            if verb == "LOGOUT":
                return

    def finish(self) -> None:
        super().finish()
        self.connection.close()

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def do_capability(self, command: str) -> None:
        self.say("* CAPABILITY IMAP4rev1")

    def do_select(self, command: str) -> None:
        self.say(f"* {len(self.server.folder.mails)} EXISTS")

    def do_search(self, command: str) -> None:
        assert "UNSEEN" in command
        wanted = re.search(r"HEADER Content-Type (\S+)", command)
        found = [
            number
            for number, mail in enumerate(self.server.folder.mails, start=1)
            if number not in self.server.folder.seen
            and wanted
            and wanted[1].strip('"').encode() in mail.partition(b"\n\n")[0]
        ]
        self.say(f"* SEARCH {' '.join(map(str, found))}")

    def do_fetch(self, command: str) -> None:
        assert "BODY.PEEK" in command
        number = int(command.split(" ")[2])
        mail = self.server.folder.mails[number - 1]
        self.wfile.write(f"* {number} FETCH (UID {number} BODY[]<0> {{{len(mail)}}}\r\n".encode())
        self.wfile.write(mail + b")\r\n")

    def do_store(self, command: str) -> None:
        assert r"+FLAGS (\Seen)" in command
        self.server.folder.seen.add(int(command.split(" ")[2]))

    def do_logout(self, command: str) -> None:
        self.say("* BYE")


class ImapServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        self.folder = Folder()
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
