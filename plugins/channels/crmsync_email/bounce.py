"""Reports of mail that could not be delivered (RFC 3464), and what of them is final (RFC 3463)."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message

from crmsync.sdk import Bounce

MAX_BYTES = 1_000_000
"""A report is not larger; of a larger mail only so much is looked at."""

# The address does not exist, or its mailbox is closed. A full mailbox (5.2.2) or a refusal of what was
# said (5.7.x) is no verdict on the address.
_FINAL = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|2\.1)(?!\d)")


def final_status(text: str) -> str | None:
    """The enhanced status code with which a server says that an address is no good, if it says so."""
    found = _FINAL.search(text)
    return found[0] if found else None


def bounces_in(mail: bytes, domain: str) -> Iterator[Bounce]:
    """The addresses a report gives up, each with the key of the message that went there.

    A report that does not bring back the Message-ID of a mail of ours, made for this domain, counts for
    nothing: anybody can write one.
    """
    report = email.message_from_bytes(mail[:MAX_BYTES], policy=email.policy.compat32)
    if report.get_content_type() != "multipart/report" or not report.is_multipart():
        return
    key = None
    recipients: list[Message] = []
    for part in report.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status" and part.is_multipart():
            recipients += list(part.get_payload())[1:]  # type: ignore[arg-type]
        elif kind in ("message/rfc822", "text/rfc822-headers") and key is None:
            key = _key(part, domain)
    if key is None:
        return
    for recipient in recipients:
        status = final_status(str(recipient.get("Status", "")))
        address = _address(recipient)
        if str(recipient.get("Action", "")).strip().lower() == "failed" and status and address:
            yield Bounce(key, address, f"the mail server gave it up: {status}")


def _key(part: Message, domain: str) -> str | None:
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload()
        original = inner[0] if isinstance(inner, list) and inner else None
    else:
        text = part.get_payload(decode=True)
        original = email.message_from_bytes(text) if isinstance(text, bytes) else None
    id = str(original.get("Message-ID", "")).strip() if isinstance(original, Message) else ""
    local, at, host = id.removeprefix("<").removesuffix(">").rpartition("@")
    return local if at and host.lower() == domain.lower() else None


def _address(recipient: Message) -> str | None:
    """Where the mail was sent to; a forwarded one ended elsewhere than it was sent to."""
    told = recipient.get("Original-Recipient") or recipient.get("Final-Recipient") or ""
    return str(told).partition(";")[2].strip().strip("<>") or None
