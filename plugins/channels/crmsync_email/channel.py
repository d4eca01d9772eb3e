"""The channel that hands each message to a mail server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from crmsync.sdk import (
    AuthError,
    Bounce,
    Channel,
    ChannelContext,
    OutgoingMessage,
    PermanentError,
    Receipt,
    TransientError,
    Unconfirmed,
)
from crmsync_email.bounce import bounces_in, final_status
from crmsync_email.mail import compose
from crmsync_email.mailbox import mails
from crmsync_email.settings import EmailSettings, is_address

_LOST = (smtplib.SMTPServerDisconnected, OSError)
_LOGIN_REFUSED = (530, 534, 535, 538)


class EmailChannel(Channel[EmailSettings]):
    """One connection for many messages. SMTP cannot be asked what became of a message, so one whose
    final answer is lost is left to a person."""

    name = "email"
    title = "E-mail"
    Settings = EmailSettings
    medium = "email"
    idempotency = "none"

    def __init__(self, settings: EmailSettings, context: ChannelContext) -> None:
        super().__init__(settings, context)
        self._server: smtplib.SMTP | None = None
        self._tls = ssl.create_default_context(cafile=settings.ca_file)
        self._no_good: list[Bounce] = []
        self._looked_at: datetime | None = None

    def reaches(self, message: OutgoingMessage) -> str | None:
        if not message.recipient.email:
            return "no e-mail address"
        if not is_address(message.recipient.email):
            return "the e-mail address cannot be used"
        return super().reaches(message)

    def send(self, message: OutgoingMessage, key: str) -> Receipt:
        now = self.clock.now()
        mail = compose(message, key, self.settings, now)
        server = self._open()
        try:
            self._envelope(server, message.recipient.email or "", key)
        except _LOST as error:
            self.close()
            raise TransientError(f"{self._where()} ended the connection: {_why(error)}.") from None
        self._content(server, mail.as_bytes())
        return Receipt(reference=str(mail["Message-ID"]), at=now)

    def bounces(self) -> Iterator[Bounce]:
        """Addresses the server has refused itself, then those in new reports of undelivered mail."""
        while self._no_good:
            yield self._no_good[0]
            del self._no_good[0]
        now = self.clock.now()
        every = self.settings.bounces_every
        if self.settings.bounces is None or (self._looked_at and now - self._looked_at < every):
            return
        self._looked_at = now
        domain = self.settings.sender.rpartition("@")[2]
        for mail in mails(self.settings.bounces):
            yield from bounces_in(mail, domain)

    def close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _envelope(self, server: smtplib.SMTP, to: str, key: str) -> None:
        """Everything before the text: until here nothing can have been delivered."""
        code, _ = server.mail(self.settings.sender)
        if code != 250:
            raise self._refused(server, code, AuthError)
        code, words = server.rcpt(to)
        if code not in (250, 251):
            if code >= 500 and (status := final_status(words.decode(errors="replace"))):
                self._no_good.append(Bounce(key, to, f"the mail server refused it: {status}"))
            raise self._refused(server, code, PermanentError)
        code, _ = server.docmd("DATA")
        if code != 354:
            raise self._refused(server, code, PermanentError)

    def _content(self, server: smtplib.SMTP, content: bytes) -> None:
        """The text and the server's last word: once it has begun only that word tells the outcome."""
        try:
            server.send(_stuffed(content) + b".\r\n")
            code, _ = server.getreply()
        except _LOST as error:
            self.close()
            raise Unconfirmed(f"{self._where()} gave no last answer: {_why(error)}.") from None
        if code < 0:
            self.close()
            raise Unconfirmed(f"{self._where()} gave a last answer that is none.")
        if code != 250:
            raise self._refused(server, code, PermanentError)

    def _open(self) -> smtplib.SMTP:
        """The connection, made when there is none or the server has closed it meanwhile."""
        if self._server is not None:
            with suppress(*_LOST):
                if self._server.noop()[0] == 250:
                    return self._server
            self.close()
        settings = self.settings
        timeout = settings.timeout.total_seconds()
        try:
            if settings.tls == "tls":
                server: smtplib.SMTP = smtplib.SMTP_SSL(
                    settings.host, settings.port, timeout=timeout, context=self._tls
                )
            else:
                server = smtplib.SMTP(settings.host, settings.port, timeout=timeout)
        except smtplib.SMTPConnectError as error:
            raise TransientError(f"{self._where()} refused the connection: {error.smtp_code}.") from None
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(error) from None
        except _LOST as error:
            raise TransientError(f"{self._where()} cannot be reached: {_why(error)}.") from None
        try:
            self._greet(server)
        except BaseException:
            server.close()
            raise
        self._server = server
        return server

    def _greet(self, server: smtplib.SMTP) -> None:
        settings = self.settings
        try:
            if settings.tls == "starttls":
                server.starttls(context=self._tls)
            server.ehlo_or_helo_if_needed()
            if settings.username is not None and settings.password is not None:
                server.login(settings.username, settings.password.get_secret_value())
        except smtplib.SMTPAuthenticationError as error:
            if error.smtp_code in _LOGIN_REFUSED:
                raise AuthError(
                    f"{self._where()} refused the login: {error.smtp_code}.",
                    fix="Check username and password of the channel.",
                ) from None
            raise TransientError(f"{self._where()} cannot check the login now: {error.smtp_code}.") from None
        except smtplib.SMTPNotSupportedError:
            raise AuthError(
                f"{self._where()} offers no {'STARTTLS' if settings.tls == 'starttls' else 'login'}.",
                fix="Set tls, username and password as the server's operator says.",
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(error) from None
        except (smtplib.SMTPException, OSError) as error:
            raise TransientError(f"{self._where()} failed the greeting: {_why(error)}.") from None

    def _refused(
        self,
        server: smtplib.SMTP,
        code: int,
        final: type[AuthError] | type[PermanentError],
    ) -> Exception:
        """The error of an answer that is no yes: 4xx passes, 5xx does not. The server's words may
        repeat the address, so only its code is kept."""
        try:
            if code == 421 or server.rset()[0] != 250:
                self.close()
        except _LOST:
            self.close()
        if 400 <= code < 500 or code < 0:
            return TransientError(f"{self._where()} answered {code}.")
        if code in _LOGIN_REFUSED:
            return AuthError(f"{self._where()} answered {code}: it wants a login.")
        return final(f"{self._where()} answered {code}.")

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> AuthError:
        return AuthError(
            f"{self._where()} has no valid certificate: {error.verify_message}.",
            fix="Set ca_file if the server has a certificate of its own.",
        )

    def _where(self) -> str:
        return f"The mail server {self.settings.host}:{self.settings.port}"


def _stuffed(content: bytes) -> bytes:
    """Lines end in CRLF and a leading dot is doubled, so that only ours ends the text."""
    text = b"\r\n".join(content.splitlines())
    return (
        b"\r\n".join(b"." + line if line.startswith(b".") else line for line in text.split(b"\r\n")) + b"\r\n"
    )


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
