"""What counts as consent, and how it is withdrawn."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from crmsync.config.key import SecretKey, secrets_of
from crmsync.config.part import Part
from crmsync.config.problem import refused
from crmsync.sdk.records import Medium

KEYWORDS = (
    "TD",
    "T",
    "退订",
    "取消订阅",
    "不再接收",
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
)


def _base(url: str) -> str:
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise refused("this is no https:// address.", "Write it as https://care.example.com.")
    return url.rstrip("/")


class ConsentConfig(Part):
    """What counts as consent, and how it is withdrawn."""

    key: SecretKey | None = Field(
        None,
        description="The key under which suppressed addresses are hashed and links signed; "
        "when left out, one that crmsync makes and keeps in the database.",
    )
    old_keys: list[SecretKey] = Field(
        [], description="Earlier keys, as long as something made with them counts."
    )
    double_opt_in: list[Medium] = Field(
        [], description="Media where a consent counts only once the customer has confirmed it."
    )
    url: Annotated[str, AfterValidator(_base)] | None = Field(
        None,
        description="The public address under which others reach the daemon's /unsubscribe and /confirm; "
        "without it messages carry no link.",
    )
    keywords: list[str] = Field(
        list(KEYWORDS), description="Replies by which a customer unsubscribes; case and marks do not matter."
    )

    @property
    def keys(self) -> list[str]:
        """Every configured key, the present one first."""
        return secrets_of(self.key, self.old_keys)
