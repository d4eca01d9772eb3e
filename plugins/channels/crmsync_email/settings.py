"""What the e-mail channel can be configured with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from crmsync.sdk import Duration, Settings
from crmsync.sdk.settings import is_loopback, parse_duration

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


def is_address(text: str) -> bool:
    """Whether this is one plain e-mail address, safe to put into a header and an SMTP command."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None


def _check_address(text: str) -> str:
    if not is_address(text):
        raise ValueError("this is no plain e-mail address such as care@example.com")
    return text


def _check_line(text: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise ValueError("this must be one line without control characters")
    return text


def _check_unsubscribe(text: str) -> str:
    if not re.fullmatch(r"(https://|mailto:)[\x21-\x3b\x3d\x3f-\x7e]+", text):
        raise ValueError("this is an https:// or mailto: address")
    return text


Line = Annotated[str, AfterValidator(_check_line)]
Address = Annotated[str, AfterValidator(_check_address)]


class MaildirSettings(Settings):
    """A folder that a mail server on this machine delivers to."""

    kind: Literal["maildir"]
    path: Path = Field(description="The Maildir, with its folders new and cur.")


class ImapSettings(Settings):
    """A mailbox on a server."""

    kind: Literal["imap"]
    host: Line = Field(description="The IMAP server.")
    port: int = Field(993, ge=1, le=65535, description="Its port.")
    tls: Literal["tls", "none"] = Field(
        "tls", description="How the connection is encrypted; none only to this machine."
    )
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the usual ones.")
    username: Line = Field(description="Who logs in.")
    password: SecretStr = Field(description="The password to log in with.")
    folder: Annotated[Line, Field(pattern=r'^[^"\\]+$')] = Field("INBOX", description="Where reports arrive.")
    timeout: Duration = Field(parse_duration("30s"), description="How long the server may be silent.")

    @model_validator(mode="after")
    def _plain_only_here(self) -> ImapSettings:
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("tls: none is only for a server on this machine; use tls")
        return self


class EmailSettings(Settings):
    """The mail server, and who the messages are from."""

    host: Line = Field(description="The SMTP server.")
    port: int = Field(587, ge=1, le=65535, description="Its port: 587 for starttls, 465 for tls.")
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the connection is encrypted; none only to this machine."
    )
    username: Line | None = Field(None, description="Who logs in; nobody when left out.")
    password: SecretStr | None = Field(None, description="The password to log in with.")
    sender: Address = Field(description="The address messages come from.")
    sender_name: Line | None = Field(None, description="The name beside it.")
    reply_to: Address | None = Field(None, description="Where answers go, when not to the sender.")
    unsubscribe: Annotated[str, AfterValidator(_check_unsubscribe)] | None = Field(
        None, description="Where a reader unsubscribes: an https:// or mailto: address."
    )
    timeout: Duration = Field(parse_duration("30s"), description="How long the server may be silent.")
    ca_file: Path | None = Field(None, description="Certificates to trust instead of the usual ones.")
    bounces: Annotated[MaildirSettings | ImapSettings, Field(discriminator="kind")] | None = Field(
        None, description="Where reports of undelivered mail arrive, which is where the sender's mail does."
    )
    bounces_every: Duration = Field(parse_duration("5m"), description="How often they are looked for.")

    @model_validator(mode="after")
    def _plain_only_here(self) -> EmailSettings:
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("tls: none is only for a server on this machine; use starttls or tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self
