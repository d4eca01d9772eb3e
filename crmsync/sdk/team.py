"""The contract of a channel to the shop's own people: it posts a notice where its settings say."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, Literal, TypeVar

from crmsync.sdk.connector import Context
from crmsync.sdk.message import Receipt
from crmsync.sdk.settings import Settings

S = TypeVar("S", bound=Settings)

NoticeState = Literal["raised", "reminder", "recovered", "test"]


@dataclass(frozen=True, slots=True)
class Notice:
    """What the team is told: one line, and the text below it. It never holds a customer's contact data.

    `alert` names what it is about, such as `connection_failed`.
    """

    title: str
    text: str
    at: datetime
    alert: str
    state: NoticeState

    @property
    def whole(self) -> str:
        """Title and text, for a channel that knows no titles."""
        return f"{self.title}\n{self.text}" if self.text else self.title


class TeamChannel(ABC, Generic[S]):
    """A way to reach the shop's own people. Campaigns cannot use it: it knows no customer.

    A class may be a Channel as well, when it can do both with the same settings.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Settings: ClassVar[type[Settings]]

    def __init__(self, settings: S, context: Context) -> None:
        self.settings = settings
        self.context = context
        self.clock = context.clock
        self.log = context.log

    @abstractmethod
    def notify(self, notice: Notice, key: str) -> Receipt:
        """Post it. Raises Unconfirmed when it may have been posted; after any other error it was not,
        and it is tried again. `key` is the same each time."""

    def close(self) -> None:
        """Release what `notify` holds open."""


def shortened(text: str, most: int) -> str:
    """The text within so many bytes of UTF-8, ending in an ellipsis where it had to be cut."""
    encoded = text.encode()
    if len(encoded) <= most:
        return text
    return encoded[: most - len("…".encode())].decode(errors="ignore") + "…"
