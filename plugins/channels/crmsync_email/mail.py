"""An outgoing message as an e-mail."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from crmsync.sdk import OutgoingMessage
from crmsync_email.settings import EmailSettings

# Seven bits pass every server, whatever it says of 8BITMIME.
_POLICY = SMTP.clone(cte_type="7bit")


def compose(message: OutgoingMessage, key: str, settings: EmailSettings, now: datetime) -> EmailMessage:
    """The mail; its Message-ID comes from the key. Nothing of the customer's can end a header line."""
    recipient = message.recipient
    mail = EmailMessage(_POLICY)
    mail["From"] = _address(settings.sender_name, settings.sender)
    mail["To"] = _address(recipient.name, recipient.email or "")
    mail["Subject"] = _line(message.subject)
    mail["Date"] = now
    mail["Message-ID"] = f"<{key}@{settings.sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = _line(message.language)
    if settings.reply_to:
        mail["Reply-To"] = settings.reply_to
    # The message's own link knows its reader; the first of them is what mail programs use.
    links = [link for link in (message.unsubscribe_url, settings.unsubscribe) if link]
    if links:
        mail["List-Unsubscribe"] = ", ".join(f"<{link}>" for link in links)
        if any(link.startswith("https://") for link in links):
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(message.body)
    return mail


def _address(name: str | None, address: str) -> Address:
    return Address(display_name=_line(name or ""), addr_spec=address)


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
